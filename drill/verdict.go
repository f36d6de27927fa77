package drill

import "fmt"

// Verdict is the outcome of a check or of a drill. Its zero value is
// Inconclusive: what was forgotten is never a pass.
type Verdict uint8

const (
	Inconclusive Verdict = iota
	Pass
	Fail
)

// Worst of several verdicts: fail, then inconclusive, then pass. Worst of
// nothing is Inconclusive.
func Worst(vs ...Verdict) Verdict {
	worst := Inconclusive
	for i, v := range vs {
		if i == 0 || v == Fail || v == Inconclusive && worst == Pass {
			worst = v
		}
	}
	return worst
}

func (v Verdict) String() string {
	switch v {
	case Pass:
		return "pass"
	case Fail:
		return "fail"
	default:
		return "inconclusive"
	}
}

// MarshalText writes the word that String gives.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the three words and nothing else.
func (v *Verdict) UnmarshalText(b []byte) error {
	for _, w := range []Verdict{Pass, Fail, Inconclusive} {
		if w.String() == string(b) {
			*v = w
			return nil
		}
	}
	return fmt.Errorf("verdict %q is none of pass, fail, inconclusive", b)
}
