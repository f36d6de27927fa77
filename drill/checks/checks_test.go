package checks

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aetherlink/aether/drill"
)

var ids = []string{
	"baseline.steady", "target.stopped", "target.restarted", "up.down", "up.recovered",
	"alert.order", "alert.fired_in_window", "alert.resolved_in_window", "backlog.complete",
	"lag.peak", "lag.drained", "offsets.committed", "recovery.first_event",
	"delivery.no_loss", "delivery.duplicates", "delivery.order", "delivery.content",
	"counter.exact", "rate.spike", "sse.clients",
}

func TestIDsAreTheDesigns(t *testing.T) {
	var got []string
	for _, c := range All() {
		got = append(got, c.ID)
		if c.About == "" || c.Usual == "" || c.Judge == nil {
			t.Errorf("%s lacks a part: about %q, usual %q", c.ID, c.About, c.Usual)
		}
		for _, need := range c.Needs {
			if !slices.Contains(ids, need) {
				t.Errorf("%s needs %s, which is no check", c.ID, need)
			}
		}
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Error(diff)
	}
}

// A check that stands before what it needs could never pass.
func TestNeedsStandBefore(t *testing.T) {
	all := All()
	for i, c := range all {
		for _, need := range c.Needs {
			if j := slices.IndexFunc(all, func(x drill.Check) bool { return x.ID == need }); j >= i {
				t.Errorf("%s at %d needs %s at %d: the judge has not come to it yet", c.ID, i, need, j)
			}
		}
	}
}

func TestHealthyDrillPasses(t *testing.T) {
	for _, id := range ids {
		got, ok := healthy(t).judged(t)[id]
		if !ok || got.Verdict != drill.Pass {
			t.Errorf("%s: %s; expected %s; observed %s; %s", id, got.Verdict, got.Expected, got.Observed, got.Reason)
		}
	}
}

func TestEvidenceIsLinesOfTheJournal(t *testing.T) {
	s := healthy(t)
	lines := s.facts(t).Lines
	for id, x := range s.judged(t) {
		if len(x.Evidence) == 0 {
			t.Errorf("%s has no evidence", id)
		}
		for _, n := range x.Evidence {
			if n < 1 || n > lines {
				t.Errorf("%s: line %d of %d", id, n, lines)
			}
		}
	}
}

// Every check, judged by itself on nothing, is undecided, and says what is missing.
func TestNoDataIsNeverAPass(t *testing.T) {
	empty := drill.NewFacts()
	for _, c := range All() {
		got := c.Judge(drill.Spec{}, empty)
		if got.Verdict != drill.Inconclusive || got.Reason == "" {
			t.Errorf("%s on an empty journal: %s, %q", c.ID, got.Verdict, got.Reason)
		}
	}
}

// Whatever kind of record is left out of a healthy journal: no check panics,
// and none fails for want of data alone.
func TestLeavingOutAKindOfRecordIsNoFailure(t *testing.T) {
	kinds := map[string]func(r *drill.Record) bool{
		"clock":    func(r *drill.Record) bool { return r.Clock != nil },
		"rule":     func(r *drill.Record) bool { return r.Rule != nil },
		"stop":     func(r *drill.Record) bool { return r.Call != nil && r.Call.Op == drill.OpStop },
		"start":    func(r *drill.Record) bool { return r.Call != nil && r.Call.Op == drill.OpStart },
		"calls":    func(r *drill.Record) bool { return r.Call != nil },
		"target":   func(r *drill.Record) bool { return r.Target != nil },
		"offsets":  func(r *drill.Record) bool { return r.Offsets != nil },
		"canary":   func(r *drill.Record) bool { return r.Canary != nil },
		"produced": func(r *drill.Record) bool { return r.Produced != nil },
		"owed":     func(r *drill.Record) bool { return r.Owed != nil },
		"streams":  func(r *drill.Record) bool { return r.Stream != nil },
		"stages":   func(r *drill.Record) bool { return r.Stage != nil },
	}
	for name, is := range kinds {
		s := healthy(t)
		s.edit(func(_ float64, r *drill.Record) bool { return !is(r) })
		undecided := 0
		for id, x := range s.judged(t) {
			if x.Verdict == drill.Fail {
				t.Errorf("without %s %s fails: %s", name, id, x.Reason)
			}
			if x.Verdict == drill.Inconclusive {
				undecided++
			}
		}
		if undecided == 0 {
			t.Errorf("without %s everything passes", name)
		}
	}
}

// The same for the series: one that nobody looked at decides nothing.
func TestLeavingOutASeriesIsNoFailure(t *testing.T) {
	for i, x := range healthy(t).series {
		s := healthy(t)
		s.series = slices.Delete(s.series, i, i+1)
		undecided := 0
		for id, got := range s.judged(t) {
			if got.Verdict == drill.Fail {
				t.Errorf("without %s %v %s fails: %s", x.name, x.labels, id, got.Reason)
			}
			if got.Verdict == drill.Inconclusive {
				undecided++
			}
		}
		if undecided == 0 && x.name != "kafka_consumergroup_lag_sum" {
			t.Errorf("without %s everything passes", x.name)
		}
	}
}
