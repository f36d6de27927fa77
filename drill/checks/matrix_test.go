package checks

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aetherlink/aether/drill"
)

const (
	fail = drill.Fail
	open = drill.Inconclusive
)

// want is what the change of one thing makes of the checks. Those that are
// undecided because of another are not in it: one cause, one line.
type want map[string]drill.Verdict

type mutation struct {
	name   string
	change func(*story)
	want   want
	says   string // in the reason of the first check of want
}

func TestOneCauseOneLine(t *testing.T) {
	var all []mutation
	for _, part := range [][]mutation{baselineMutations(), targetMutations(), scrapeMutations(), alertMutations(), kafkaMutations(), deliveryMutations(), metricMutations(), finerMutations(), kindMutations()} {
		all = append(all, part...)
	}
	turned := map[string]bool{}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			s := healthy(t)
			m.change(s)
			got, said := want{}, ""
			verdicts := map[string]drill.Verdict{}
			for _, x := range drill.Judge(s.spec, s.facts(t), All()) {
				if verdicts[x.Check] = x.Verdict; x.Because != "" && verdicts[x.Because] == drill.Pass {
					t.Errorf("%s is undecided because of %s, which passed", x.Check, x.Because)
				}
				if x.Verdict == drill.Pass || x.Because != "" {
					continue
				}
				got[x.Check] = x.Verdict
				said += x.Check + ": " + x.Observed + ": " + x.Reason + "\n"
				turned[x.Check+" "+x.Verdict.String()] = true
				if x.Verdict == drill.Fail && len(x.Evidence) == 0 {
					t.Errorf("%s fails without evidence", x.Check)
				}
			}
			if diff := cmp.Diff(m.want, got); diff != "" {
				t.Errorf("checks (-want +got):\n%s\n%s", diff, said)
			}
			if !strings.Contains(said, m.says) {
				t.Errorf("nothing says %q:\n%s", m.says, said)
			}
		})
	}
	for _, id := range ids {
		for _, v := range []drill.Verdict{fail, open} {
			if !turned[id+" "+v.String()] {
				t.Errorf("no change turns %s to %s", id, v)
			}
		}
	}
}

// records edits every record of the story with a function per kind.
func records(f func(at float64, r *drill.Record)) func(*story) {
	return func(s *story) {
		s.edit(func(at float64, r *drill.Record) bool { f(at, r); return true })
	}
}

// without leaves records out.
func without(is func(at float64, r *drill.Record) bool) func(*story) {
	return func(s *story) { s.edit(func(at float64, r *drill.Record) bool { return !is(at, r) }) }
}

func offsetsFrom(from, to float64, f func(*drill.Offsets)) func(*story) {
	return records(func(at float64, r *drill.Record) {
		if r.Offsets != nil && at >= from && at < to {
			r.Offsets.Committed, r.Offsets.End = slices.Clone(r.Offsets.Committed), slices.Clone(r.Offsets.End)
			f(r.Offsets)
		}
	})
}

func series1(name string, f func(*series)) func(*story) {
	return func(s *story) { f(s.of(name)) }
}

func both(fs ...func(*story)) func(*story) {
	return func(s *story) {
		for _, f := range fs {
			f(s)
		}
	}
}

func baselineMutations() []mutation {
	canary := func(at float64, r *drill.Record) bool { return r.Seen != nil && at < stopAt }
	return []mutation{
		{"a scrape failed before the stop", series1("up", func(x *series) { x.set(8, 9, 0) }), want{"baseline.steady": fail}, "failed"},
		{"a scrape under way at the stop fails", series1("up", func(x *series) { x.set(10, 10.5, 0) }), want{}, ""},
		{"one scrape in the baseline", series1("up", func(x *series) { x.drop(3, 9.9) }), want{"baseline.steady": open, "up.down": open}, "1 scrapes"},
		{"the alert was pending before the stop", series1("pending", func(x *series) {
			x.points = append([]drill.Point{{At: sec(8.9), Value: 1}}, x.points...)
		}), want{"baseline.steady": fail}, "pending"},
		{"the canary was not seen", without(canary), want{"baseline.steady": fail}, "partition 0 offset 100"},
		{"the canary was not committed", offsetsFrom(3, 9.7, func(o *drill.Offsets) { o.Committed = []int64{100, 100} }), want{"baseline.steady": fail}, "not committed after"},
		{"the canary of one partition was not committed", offsetsFrom(3, 11, func(o *drill.Offsets) { o.Committed[1] = 100 }), want{"baseline.steady": fail}, "not committed"},
		{"the canary was committed between two looks far apart", without(func(at float64, r *drill.Record) bool {
			return r.Offsets != nil && at > 4 && at < 9.4
		}), want{"baseline.steady": open}, "not looked at in between"},
		{"the stop came before the commit", both(offsetsFrom(3, 6, func(o *drill.Offsets) { o.Committed = []int64{100, 100} }), without(func(at float64, r *drill.Record) bool {
			return r.Offsets != nil && at > 6 && at < 10.6
		})), want{"baseline.steady": open}, "not committed yet"},
	}
}

func state(from float64, f func(*drill.TargetState)) func(*story) {
	return records(func(at float64, r *drill.Record) {
		if r.Target != nil && at > from {
			f(r.Target)
		}
	})
}

func targetMutations() []mutation {
	call := func(op string, f func(*drill.Call)) func(*story) {
		return records(func(_ float64, r *drill.Record) {
			if r.Call != nil && r.Call.Op == op {
				f(r.Call)
			}
		})
	}
	return []mutation{
		{"it was down already", records(func(at float64, r *drill.Record) {
			if r.Target != nil && at < stopAt {
				r.Target.Running = false
			}
		}), want{"target.stopped": fail}, "not running before"},
		{"it runs on", state(10.5, func(x *drill.TargetState) { x.Running = true }), want{"target.stopped": fail}, "runs although"},
		{"it ended before it was stopped", state(10.5, func(x *drill.TargetState) {
			if !x.Finished.IsZero() {
				x.Finished = sec(9)
			}
		}), want{"target.stopped": fail}, "1.5s before"},
		{"the stop call failed", call(drill.OpStop, func(c *drill.Call) { c.Error = "no such process" }), want{"target.stopped": fail}, "no such process"},
		{"its end is not known", state(10.5, func(x *drill.TargetState) { x.Finished = time.Time{} }), want{"target.stopped": open}, "not known"},
		{"nobody looked while it was down", without(func(at float64, r *drill.Record) bool { return r.Target != nil && at > 10.5 && at < 11 }), want{"target.stopped": open}, "not read"},
		{"another image", state(25, func(x *drill.TargetState) { x.Image = "sha256:2" }), want{"target.restarted": fail}, "sha256:2"},
		{"another id", state(25, func(x *drill.TargetState) { x.ID = "other" }), want{"target.restarted": fail}, "other"},
		{"not running after the start", state(25, func(x *drill.TargetState) { x.Running = false }), want{"target.restarted": fail}, "does not run"},
		{"somebody else started it", state(25, func(x *drill.TargetState) { x.Started = sec(20) }), want{"target.restarted": fail}, "5.5s before"},
		{"it restarts by itself", state(25, func(x *drill.TargetState) { x.Restarts = 2 }), want{"target.restarted": fail}, "0 to 2"},
		{"the start call failed", call(drill.OpStart, func(c *drill.Call) { c.Error = "no such image" }), want{"target.restarted": fail}, "no such image"},
		{"nobody looked after the start", without(func(at float64, r *drill.Record) bool { return r.Target != nil && at > 25 }), want{"target.restarted": open}, "not read"},
	}
}

func scrapeMutations() []mutation {
	return []mutation{
		{"the outage is seen late", both(series1("up", func(x *series) { x.set(11, 13, 1) })), want{"up.down": fail}, "outside"},
		{"no scrape fails", series1("up", func(x *series) { x.set(10, 30, 1) }), want{"up.down": fail}, "succeeded while the target was down"},
		{"Prometheus did not scrape when the outage began", series1("up", func(x *series) { x.drop(10, 14) }), want{"up.down": open}, "did not look"},
		{"the first good scrape comes late", series1("up", func(x *series) { x.set(26, 28, 0) }), want{"up.recovered": fail}, "outside"},
		{"no scrape succeeds again", series1("up", func(x *series) { x.set(26, 40, 0) }), want{"up.recovered": fail}, "failed until"},
		{"Prometheus did not scrape when the outage ended", series1("up", func(x *series) { x.drop(26, 30) }), want{"up.recovered": open}, "did not look"},
		{"nobody looked at Prometheus after the start", func(s *story) {
			for _, x := range s.series {
				x.until = 26.1
				x.drop(26, 40)
			}
		}, want{"up.recovered": open, "counter.exact": open, "sse.clients": open}, "before one was due"},
	}
}

func alertMutations() []mutation {
	p, q := "pending", "firing"
	never := both(series1(p, func(x *series) { x.drop(0, 40) }), series1(q, func(x *series) { x.drop(0, 40) }))
	return []mutation{
		{"never pending, never fired", never, want{"alert.fired_in_window": fail}, "never fired: the outage lasted 15"},
		{"pending and never fired", series1(q, func(x *series) { x.drop(0, 40) }), want{"alert.fired_in_window": fail}, "never fired"},
		{"it fires too early", both(series1(p, func(x *series) { x.drop(15, 40) }), series1(q, func(x *series) {
			x.points = append([]drill.Point{{At: sec(15.5), Value: 1}, {At: sec(16.5), Value: 1}, {At: sec(17.5), Value: 1}, {At: sec(18.5), Value: 1}, {At: sec(19.5), Value: 1}, {At: sec(20.5), Value: 1}}, x.points...)
		})), want{"alert.fired_in_window": fail}, "outside"},
		{"it fires too late", both(series1(q, func(x *series) { x.drop(21, 25) }), series1(p, func(x *series) {
			for _, at := range []float64{21.5, 22.5, 23.5, 24.5} {
				x.put(at, 1)
			}
		})), want{"alert.fired_in_window": fail}, "outside"},
		{"nobody looked at the alert", func(s *story) {
			s.series = slices.DeleteFunc(s.series, func(x *series) bool { return x.name == "ALERTS" })
		}, want{"baseline.steady": open, "alert.order": open, "alert.fired_in_window": open}, "not looked at"},
		{"nobody looked at the alert from the middle of the outage on", both(
			series1(p, func(x *series) { x.drop(16, 40); x.until = 16 }),
			series1(q, func(x *series) { x.drop(16, 40); x.until = 16 }),
		), want{"alert.fired_in_window": open}, "looked at only until"},
		{"scrapes are missing and it never fired", both(never, series1("up", func(x *series) { x.drop(14, 18) })), want{"alert.fired_in_window": open}, "Prometheus itself"},
		{"it never resolves", series1(q, func(x *series) {
			for at := 26.5; at < endAt; at++ {
				x.put(at, 1)
			}
		}), want{"alert.resolved_in_window": fail}, "still fired"},
		{"it resolves late", series1(q, func(x *series) {
			for at := 26.5; at < 30; at++ {
				x.put(at, 1)
			}
		}), want{"alert.resolved_in_window": fail}, "outside"},
		{"the end of it was not looked at", both(
			series1(p, func(x *series) { x.until = 26 }), series1(q, func(x *series) { x.until = 26 }),
		), want{"alert.resolved_in_window": open}, "not over"},
		{"pending again after it fired", series1(p, func(x *series) { x.put(23.7, 1) }), want{"alert.order": fail}, "pending again"},
		{"it was interrupted while the target was up", both(series1(p, func(x *series) { x.drop(14, 18) }), series1("up", func(x *series) { x.set(15, 16, 1) })), want{"alert.order": fail}, "up in between"},
		{"evaluations are missing while it was pending", series1(p, func(x *series) { x.drop(14, 18) }), want{"alert.order": open}, "evaluations were missed"},
		{"the rule was changed meanwhile", records(func(at float64, r *drill.Record) {
			if r.Rule != nil && at > 30 {
				r.Rule.For = length(5)
			}
		}), want{"baseline.steady": open, "up.down": open, "alert.order": open}, "changed"},
	}
}

func owed(f func(*drill.Owed)) func(*story) {
	return records(func(_ float64, r *drill.Record) {
		if r.Owed != nil {
			f(r.Owed)
		}
	})
}

func produced(f func(*drill.Produced)) func(*story) {
	return records(func(_ float64, r *drill.Record) {
		if r.Produced != nil {
			f(r.Produced)
		}
	})
}

func kafkaMutations() []mutation {
	five := []drill.Run{{From: 0, Len: []int64{5}}}
	return []mutation{
		{"an acknowledged event is not in the log", owed(func(o *drill.Owed) { o.Drill.Seqs = five }), want{"backlog.complete": fail}, "the broker lost"},
		{"an event was not acknowledged and is not there", both(owed(func(o *drill.Owed) { o.Drill.Seqs = five }), produced(func(p *drill.Produced) {
			p.Acked, p.Indeterminate, p.Error = 5, 1, "broker away"
		})), want{"backlog.complete": open}, "broker away"},
		{"an event was not acknowledged and is there", produced(func(p *drill.Produced) { p.Acked, p.Indeterminate = 5, 1 }), want{}, ""},
		{"an event is twice in the log", owed(func(o *drill.Owed) { o.Drill.Again = []drill.Run{{From: 3, Len: []int64{1}}} }), want{"backlog.complete": fail}, "more than once"},
		{"an event is altered in the log", owed(func(o *drill.Owed) { o.Drill.Altered = []int64{4} }), want{"backlog.complete": fail}, "[4]"},
		{"the log could not be read back", owed(func(o *drill.Owed) { *o = drill.Owed{Error: "broker away"} }), want{
			"backlog.complete": open, "recovery.first_event": open, "delivery.no_loss": open, "delivery.duplicates": open, "delivery.order": open, "delivery.content": open,
		}, "broker away"},
		{"somebody else commits in the outage", offsetsFrom(18, 26, func(o *drill.Offsets) { o.Committed[0]++ }), want{"lag.peak": fail, "counter.exact": fail}, "commits moved"},
		{"the exporter shows another lag", series1("kafka_consumergroup_lag_sum", func(x *series) { x.set(12, 26, 5) }), want{"lag.peak": fail}, "was 5"},
		{"Kafka was not looked at in the outage", without(func(at float64, r *drill.Record) bool { return r.Offsets != nil && at > 10 && at < 25.6 }), want{"lag.peak": open, "counter.exact": open}, "not looked at"},
		{"the backlog is drained late", offsetsFrom(26, 35.5, func(o *drill.Offsets) { o.Committed = []int64{101, 104} }), want{"lag.drained": fail}, "9.5s"},
		{"drained on both sides of the objective", both(offsetsFrom(26, 33, func(o *drill.Offsets) { o.Committed = []int64{101, 104} }), without(func(at float64, r *drill.Record) bool {
			return r.Offsets != nil && at > 33 && at < 34
		})), want{"lag.drained": open}, "both sides"},
		{"a partition is never committed", offsetsFrom(26, 40, func(o *drill.Offsets) { o.Committed[1] = 101 }), want{"offsets.committed": fail}, "partition 1 did not reach 104"},
		{"a commit is beyond the log", offsetsFrom(37, 40, func(o *drill.Offsets) { o.Committed[1] = 999 }), want{"offsets.committed": fail}, "beyond the end"},
		{"Kafka was not looked at after the start", without(func(at float64, r *drill.Record) bool { return r.Offsets != nil && at > startAt }), want{"lag.drained": open, "offsets.committed": open, "counter.exact": open}, "after the start"},
		{"the drill was interrupted in the drain", both(offsetsFrom(26, 40, func(o *drill.Offsets) { o.Committed[1] = 101 }), records(func(_ float64, r *drill.Record) {
			if r.Stage != nil && r.Stage.Done && r.Stage.Name == drill.StageDrain {
				r.Stage.Reason = "ended early"
			}
		})), want{"offsets.committed": open, "delivery.no_loss": open, "delivery.duplicates": open, "delivery.order": open, "delivery.content": open}, "did not come to its end"},
	}
}
