package drill

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWorst(t *testing.T) {
	for _, c := range []struct {
		in   []Verdict
		want Verdict
	}{
		{nil, Inconclusive}, {[]Verdict{Pass}, Pass}, {[]Verdict{Pass, Pass}, Pass}, {[]Verdict{Pass, Inconclusive}, Inconclusive}, {[]Verdict{Inconclusive, Pass}, Inconclusive},
		{[]Verdict{Inconclusive, Fail, Pass}, Fail}, {[]Verdict{Fail, Inconclusive}, Fail}, {[]Verdict{Pass, Fail}, Fail}, {[]Verdict{Inconclusive, Inconclusive}, Inconclusive},
	} {
		if got := Worst(c.in...); got != c.want {
			t.Errorf("worst of %v is %v", c.in, got)
		}
	}
}

func TestTheZeroVerdictIsInconclusive(t *testing.T) {
	var v Verdict
	var f Finding
	if v != Inconclusive || f.Verdict.String() != "inconclusive" || Verdict(9).String() != "inconclusive" {
		t.Error("what was forgotten is something else than inconclusive")
	}
	for _, word := range []string{"pass", "fail", "inconclusive"} {
		if err := json.Unmarshal([]byte(`"`+word+`"`), &v); err != nil || v.String() != word {
			t.Errorf("%s: %v, %v", word, v, err)
		}
	}
	for _, bad := range []string{`"passed"`, `""`, `"PASS"`} {
		if json.Unmarshal([]byte(bad), &v) == nil {
			t.Errorf("%s is taken for a verdict", bad)
		}
	}
}

func check(id string, v Verdict, needs ...string) Check {
	return Check{ID: id, About: "about " + id, Needs: needs, Judge: func(Spec, *Facts) Finding {
		return Finding{Verdict: v, Observed: "o", Evidence: []int{3, 1, 3}}
	}}
}

func outline(findings []Finding) (out []string) {
	for _, f := range findings {
		line := f.Check + " " + f.Verdict.String()
		if f.Because != "" {
			line += " because " + f.Because
		}
		out = append(out, line)
	}
	return out
}

func TestJudge(t *testing.T) {
	f := folded(t, Record{NotApplicable: &NotApplicable{Check: "n", Reason: "no such"}})
	s := Spec{Checks: CheckSelectSpec{Skip: []string{"s"}}}
	got := Judge(s, f, []Check{
		check("a", Pass), check("b", Pass, "a"), check("c", Fail), check("d", Pass, "c"), check("e", Pass, "d"),
		check("u", Inconclusive), check("v", Fail, "u"), check("n", Fail), check("s", Fail), check("w", Pass, "n", "s"), check("x", Pass, "later"), check("later", Pass),
	})
	want := []string{
		"a pass", "b pass", "c fail", "d inconclusive because c", "e inconclusive because d",
		"u inconclusive", "v inconclusive because u", "w pass", "x inconclusive because later", "later pass",
	}
	if diff := cmp.Diff(want, outline(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1, 3}, got[0].Evidence); diff != "" || got[0].Expected != "about a" {
		t.Errorf("evidence is sorted and each line once: %s; expected %q", diff, got[0].Expected)
	}
}

func TestAPassWithoutEvidenceIsNone(t *testing.T) {
	for _, lines := range [][]int{nil, {}, {0}, {-1, 0}} {
		c := Check{ID: "a", Judge: func(Spec, *Facts) Finding { return Finding{Verdict: Pass, Evidence: lines} }}
		got := Judge(Spec{}, NewFacts(), []Check{c})[0]
		if got.Verdict != Inconclusive || !strings.Contains(got.Reason, "without evidence") || got.Evidence == nil {
			t.Errorf("%v: %+v", lines, got)
		}
	}
}

// stopped is a drill to its end; the records are put before the last.
func stopped(t *testing.T, records ...Record) *Facts {
	all := []Record{call(OpStop, 1, 2), call(OpStart, 3, 4), {Stage: &StageMark{Name: StageSettle}}}
	all = append(all, records...)
	return folded(t, append(all, Record{Stage: &StageMark{Name: StageSettle, Done: true}})...)
}

func TestResult(t *testing.T) {
	pass, fail := []Check{check("a", Pass)}, []Check{check("a", Pass), check("b", Fail)}
	failed := call(OpStart, 3, 4)
	failed.Call.Error = "no such image"
	for _, c := range []struct {
		name    string
		facts   *Facts
		checks  []Check
		outcome Outcome
		verdict Verdict
		reason  string
	}{
		{"completed", stopped(t), pass, Completed, Pass, "all 1 checks passed"},
		{"failed", stopped(t), fail, Completed, Fail, "b: o"},
		{"undecided", stopped(t), []Check{check("a", Inconclusive), check("b", Pass, "a")}, Completed, Inconclusive, "a: o"},
		{"no checks", stopped(t), nil, Completed, Inconclusive, "no check was judged"},
		{"interrupted", stopped(t, Record{Interrupted: &Interrupted{"SIGINT"}}), pass, Interrupt, Inconclusive, "interrupted by SIGINT"},
		{"interrupted and red", stopped(t, Record{Interrupted: &Interrupted{"SIGINT"}}), fail, Interrupt, Fail, "interrupted by SIGINT"},
		{"the drill failed", stopped(t, Record{Failure: &Failure{"drain", "disk full"}}), pass, Broken, Inconclusive, "drain: disk full"},
		{"died", folded(t, call(OpStop, 1, 2), call(OpStart, 3, 4), Record{Stage: &StageMark{Name: StageSettle}}), pass, Died, Inconclusive, "the journal ends before the drill did"},
		{"not restored", folded(t, call(OpStop, 1, 2)), pass, NotRestored, Inconclusive, "the target was stopped and not started again"},
		{"not restored, tried", stopped(t, failed), pass, NotRestored, Inconclusive, "the target was stopped and not started again"},
		{"refused", folded(t, Record{Refusal: &Refusal{ID: "x", Allowed: true}}, Record{Refusal: &Refusal{ID: "rule-missing"}}), pass, Refused, Inconclusive, "refused before the fault: rule-missing"},
		{"nothing", NewFacts(), pass, Died, Inconclusive, "the journal ends before the drill did"},
	} {
		r := NewResult(c.facts, JournalInfo{}, c.checks)
		if r.Outcome != c.outcome || r.Verdict != c.verdict || r.Reason != c.reason {
			t.Errorf("%s: %s, %s, %q", c.name, r.Outcome, r.Verdict, r.Reason)
		}
	}
}

// Where nothing was stopped, no check is judged.
func TestNothingStoppedNothingJudged(t *testing.T) {
	f := folded(t, Record{Stage: &StageMark{Name: StageSettle}}, Record{Stage: &StageMark{Name: StageSettle, Done: true}})
	if r := NewResult(f, JournalInfo{}, []Check{check("a", Pass)}); r.Verdict == Pass || len(r.Checks) != 0 {
		t.Errorf("%+v", r)
	}
}

// A drill that is undecided says why, also where only what depends on another
// check is undecided.
func TestSummaryNeverSaysThatAllPassed(t *testing.T) {
	passed := Finding{Check: "a", Verdict: Pass}
	waits := Finding{Check: "b", Verdict: Inconclusive, Because: "a", Reason: "because a is odd"}
	cause := Finding{Check: "c", Verdict: Inconclusive, Reason: "no samples"}
	for _, row := range []struct {
		findings []Finding
		want     string
	}{
		{[]Finding{passed}, "all 1 checks passed"},
		{[]Finding{passed, waits}, "b: because a is odd"},
		{[]Finding{waits, cause, cause}, "c: no samples (and 1 more)"},
	} {
		if got := summary(row.findings); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}
