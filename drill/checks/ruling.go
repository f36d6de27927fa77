package checks

import (
	"fmt"
	"strings"

	"github.com/aetherlink/aether/drill"
)

// ruling is a finding under way: what is expected, and the lines used so far.
type ruling struct {
	expected string
	lines    []int
}

func expect(format string, args ...any) *ruling {
	return &ruling{expected: fmt.Sprintf(format, args...)}
}

// uses notes journal lines as evidence.
func (r *ruling) uses(lines ...int) { r.lines = append(r.lines, lines...) }

func (r *ruling) finding(v drill.Verdict, observed, reason string) drill.Finding {
	return drill.Finding{Verdict: v, Expected: r.expected, Observed: observed, Reason: reason, Evidence: r.lines}
}

func (r *ruling) pass(format string, args ...any) drill.Finding {
	return r.finding(drill.Pass, fmt.Sprintf(format, args...), "")
}

func (r *ruling) fail(observed, format string, args ...any) drill.Finding {
	return r.finding(drill.Fail, observed, fmt.Sprintf(format, args...))
}

// undecided is for what was observed and does not decide.
func (r *ruling) undecided(observed, format string, args ...any) drill.Finding {
	return r.finding(drill.Inconclusive, observed, fmt.Sprintf(format, args...))
}

// missing is for what was not observed at all.
func (r *ruling) missing(format string, args ...any) drill.Finding {
	return r.finding(drill.Inconclusive, "not observed", fmt.Sprintf(format, args...))
}

// because leaves the red line to the check that says it best.
func (r *ruling) because(check, format string, args ...any) drill.Finding {
	f := r.finding(drill.Inconclusive, "not judged", fmt.Sprintf(format, args...))
	f.Because = check
	return f
}

// named is how many events a reason spells out.
const named = 5

// events lists the first few exceptions of a kind with their causes.
func events(l drill.Ledger, kind string) string {
	var out []string
	total := 0
	for _, e := range l.Exceptions {
		if e.Kind != kind {
			continue
		}
		if total++; total <= named {
			out = append(out, e.String()+": "+e.Cause)
		}
	}
	if total > named {
		out = append(out, "and more")
	}
	return strings.Join(out, "; ")
}

// plural is "1 event", "2 events".
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
