package drill

import (
	"fmt"
	"slices"
	"strings"
)

// Check is one named assertion over the facts.
type Check struct {
	ID    string
	About string   // what holds when it passes, one line
	Usual string   // what it usually means when it is red, one line
	Needs []string // one of them not passed: inconclusive because of it, and Judge is not called
	Judge func(Spec, *Facts) Finding
}

// Finding is what a check came to. Its zero value is inconclusive.
type Finding struct {
	Check    string  `json:"id"`
	Verdict  Verdict `json:"verdict"`
	Expected string  `json:"expected"`
	Observed string  `json:"observed"`
	Reason   string  `json:"reason,omitempty"`
	Because  string  `json:"because,omitempty"` // the check that this one had to wait for
	Evidence []int   `json:"evidence"`          // journal lines
}

// Judge applies the checks in order; a check stands behind those it needs.
// What the spec skips or the world cannot have is left out.
func Judge(s Spec, f *Facts, checks []Check) []Finding {
	left := map[string]bool{}
	for _, id := range s.Checks.Skip {
		left[id] = true
	}
	for _, n := range f.NotApplicable {
		left[n.Check] = true
	}
	verdicts := map[string]Verdict{}
	findings := []Finding{}
	for _, c := range checks {
		if left[c.ID] {
			continue
		}
		got := judgeOne(s, f, c, left, verdicts)
		verdicts[c.ID] = got.Verdict
		findings = append(findings, got)
	}
	return findings
}

func judgeOne(s Spec, f *Facts, c Check, left map[string]bool, verdicts map[string]Verdict) Finding {
	for _, need := range c.Needs {
		if verdicts[need] != Pass && !left[need] {
			return Finding{Check: c.ID, Expected: c.About, Observed: "not judged", Because: need, Reason: "because " + need + " did not pass", Evidence: []int{}}
		}
	}
	got := c.Judge(s, f)
	got.Check = c.ID
	if got.Expected == "" {
		got.Expected = c.About
	}
	slices.Sort(got.Evidence)
	got.Evidence = slices.Compact(got.Evidence)
	if got.Evidence == nil {
		got.Evidence = []int{}
	}
	if i := slices.IndexFunc(got.Evidence, func(n int) bool { return n >= 1 }); i > 0 {
		got.Evidence = got.Evidence[i:] // line 0 is no line
	} else if i < 0 {
		got.Evidence = []int{}
	}
	if got.Verdict == Pass && len(got.Evidence) == 0 {
		got.Verdict, got.Reason = Inconclusive, "passed without evidence, which is no pass"
	}
	return got
}

// Outcome is how a drill ended, apart from what it found.
type Outcome string

// The outcomes. Only a completed drill can pass.
const (
	Completed   Outcome = "completed"
	Refused     Outcome = "refused"
	Interrupt   Outcome = "interrupted"
	NotRestored Outcome = "not_restored"
	Broken      Outcome = "broken" // the drill itself failed
	Died        Outcome = "died"   // the journal ends before the drill did
)

// outcome is read off the facts: the worst thing that happened.
func (f *Facts) outcome() Outcome {
	start := f.Call(OpStart)
	settle, settled := f.Stage(StageSettle)
	switch {
	case f.Call(OpStop) != nil && (start == nil || start.V.Error != ""):
		return NotRestored
	case f.Interrupted != nil:
		return Interrupt
	case len(f.Failures) > 0:
		return Broken
	case f.refused():
		return Refused
	case settled && !settle.Finished.IsZero():
		return Completed
	default:
		return Died
	}
}

func (f *Facts) refused() bool {
	return slices.ContainsFunc(f.Refusals, func(r At[Refusal]) bool { return !r.V.Allowed })
}

// verdict of a whole drill and one line of why.
func verdict(o Outcome, f *Facts, findings []Finding) (Verdict, string) {
	if len(findings) == 0 || o == Refused {
		return Inconclusive, why(o, f, findings)
	}
	vs := make([]Verdict, len(findings))
	for i, x := range findings {
		vs[i] = x.Verdict
	}
	w := Worst(vs...)
	if o != Completed && w == Pass {
		w = Inconclusive
	}
	return w, why(o, f, findings)
}

func why(o Outcome, f *Facts, findings []Finding) string {
	switch o {
	case Refused:
		var ids []string
		for _, r := range f.Refusals {
			if !r.V.Allowed {
				ids = append(ids, r.V.ID)
			}
		}
		return "refused before the fault: " + strings.Join(ids, ", ")
	case NotRestored:
		return "the target was stopped and not started again"
	case Interrupt:
		return "interrupted by " + f.Interrupted.V.Signal
	case Broken:
		return f.Failures[0].V.Stage + ": " + f.Failures[0].V.Reason
	case Died:
		return "the journal ends before the drill did"
	}
	return summary(findings)
}

// summary names the first red check, else the first undecided one; one that is
// undecided because of another only where there is no other.
func summary(findings []Finding) string {
	if len(findings) == 0 {
		return "no check was judged"
	}
	for _, v := range []Verdict{Fail, Inconclusive} {
		var first, because *Finding
		n := 0
		for i, x := range findings {
			switch {
			case x.Verdict != v:
			case x.Because != "" && because == nil:
				because = &findings[i]
			case x.Because == "":
				if n++; first == nil {
					first = &findings[i]
				}
			}
		}
		if first == nil && because == nil {
			continue
		}
		if first == nil {
			first, n = because, 1
		}
		line := first.Check + ": " + firstNonEmpty(first.Reason, first.Observed)
		if n > 1 {
			line += fmt.Sprintf(" (and %d more)", n-1)
		}
		return line
	}
	return fmt.Sprintf("all %d checks passed", len(findings))
}

func firstNonEmpty(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
