package checks

import (
	"time"

	"github.com/aetherlink/aether/drill"
)

// finerMutations are those at which a check that looks nearly right goes wrong.
func finerMutations() []mutation {
	const clients, counter = "crm_events_sse_clients", "crm_events_messages_total"
	canary := func(f func(*drill.Seen)) func(*story) {
		return records(func(at float64, r *drill.Record) {
			if r.Seen != nil && at < stopAt {
				f(r.Seen)
			}
		})
	}
	stage := func(name, reason string) func(*story) {
		return records(func(_ float64, r *drill.Record) {
			if r.Stage != nil && r.Stage.Done && r.Stage.Name == name {
				r.Stage.Reason = reason
			}
		})
	}
	return []mutation{
		{"the baseline was not reached", stage(drill.StageBaseline, "not reached"), want{"baseline.steady": open}, "did not come to its end"},
		{"the canary of partition 1 came on partition 0 alone", canary(func(s *drill.Seen) { s.Runs = only(drill.Run{Partition: 0, From: 100, Len: []int64{1}}) }), want{"baseline.steady": fail}, "partition 1 offset 100"},
		{"what came was not the canary", canary(func(s *drill.Seen) { s.Runs = runs(98, 2) }), want{"baseline.steady": fail}, "offset 100"},

		{"it was restarted between the looks", state(10.5, func(x *drill.TargetState) {
			if !x.Running {
				x.Started = sec(5)
			}
		}), want{"target.stopped": fail}, "started by something else"},
		{"it was started more than once", func(s *story) {
			s.add(25.605, drill.Record{Target: &drill.TargetState{ID: "aether serve", Image: "sha256:1", Running: true, Started: sec(25.51)}})
		}, want{"target.restarted": fail}, "and again"},

		{"the outage was shorter than a scrape interval", both(records(func(at float64, r *drill.Record) {
			if r.Call != nil && r.Call.Op == drill.OpStart {
				r.Call.From = sec(11)
			}
		}), series1("up", func(x *series) { x.set(11, 40, 1) })), want{"up.down": open, "lag.peak": open, "lag.drained": fail, "recovery.first_event": fail, "counter.exact": open}, "between two scrapes"},

		{"it fires without having been pending", series1("pending", func(x *series) { x.drop(0, 40) }), want{"alert.order": fail}, "without having been pending"},
		{"an alert that waits for nothing is never pending", both(
			records(func(_ float64, r *drill.Record) {
				if r.Rule != nil {
					r.Rule.For = 0
				}
			}),
			func(s *story) {
				s.of("firing").points, s.of("pending").points = append(s.of("pending").points, s.of("firing").points...), nil
			},
		), want{}, ""},
		{"evaluations are missing while it fired", both(series1("firing", func(x *series) { x.drop(22, 25) })), want{"alert.order": open, "alert.resolved_in_window": open}, "evaluations"},
		{"evaluations are missing and it never fired", both(series1("firing", func(x *series) { x.drop(0, 40) }), series1("pending", func(x *series) { x.drop(14, 18) })), want{"alert.fired_in_window": open}, "evaluations are missing"},
		{"pending was looked at for a shorter time than firing", both(series1("firing", func(x *series) { x.drop(0, 40) }), series1("pending", func(x *series) { x.drop(16, 40); x.until = 16 })), want{"alert.fired_in_window": open}, "only until"},

		{"another number was asked for", produced(func(p *drill.Produced) { p.Asked, p.Acked = 5, 5 }), want{"backlog.complete": open}, "5 events were asked for"},
		{"other sequence numbers are in the log", owed(func(o *drill.Owed) { o.Drill.Seqs = []drill.Run{{From: 1, Len: []int64{6}}} }), want{"backlog.complete": open}, "not 0 to 5"},
		{"a sequence number is missing and one too many is there", owed(func(o *drill.Owed) { o.Drill.Seqs = []drill.Run{{From: 0, Len: []int64{5, 1, 1}}} }), want{"backlog.complete": open}, "not 0 to 5"},
		{"the group never committed", offsetsFrom(0, 26, func(o *drill.Offsets) { o.Committed = []int64{-1, -1} }), want{"baseline.steady": fail, "lag.peak": open, "counter.exact": open}, "no commit"},
		{"the log shrank in the outage", offsetsFrom(12, 26, func(o *drill.Offsets) { o.End = []int64{103, 104} }), want{"lag.peak": fail}, "below"},
		{"other events came in the outage", both(offsetsFrom(20, 26, func(o *drill.Offsets) { o.End = []int64{106, 104} }), series1("kafka_consumergroup_lag_sum", func(x *series) { x.set(20, 26, 8) })), want{}, ""},

		{"the drill ended before the stream could open", func(s *story) {
			closed(s)
			s.edit(func(at float64, r *drill.Record) bool { return at < 27 || r.Stage != nil && at < 29 })
			s.add(27, drill.Record{Stream: &drill.Stream{Conn: 1, Attempts: 9, Reason: "connection refused"}})
			for _, x := range s.series {
				x.until = 28
			}
		}, want{"recovery.first_event": open, "counter.exact": open}, "before the objective was over"},

		{"one counter sample before the stop", series1(counter, func(x *series) { x.drop(0, 10) }), want{"rate.spike": open}, "1 samples before"},
		{"nobody saw the gauge after the witness left", series1(clients, func(x *series) { x.drop(leaveAt, 40) }), want{"sse.clients": open}, "after it left"},
		{"the clock of Prometheus is hardly known", records(func(_ float64, r *drill.Record) {
			if r.Clock != nil {
				r.Clock.Error = drill.Duration(time.Hour)
			}
		}), want{"baseline.steady": open, "up.down": open, "alert.order": open, "counter.exact": open, "sse.clients": open}, ""},
	}
}
