package checks

import (
	"github.com/aetherlink/aether/drill"
)

// arrival edits the batch that brings the backlog.
func arrival(f func(*drill.Seen)) func(*story) {
	return records(func(at float64, r *drill.Record) {
		if r.Seen != nil && at == 26.0 {
			f(r.Seen)
		}
	})
}

func only(x ...drill.Run) []drill.Run { return x }

// lost leaves offset 102 of partition 1 out, which has sequence number 3.
func lost(second drill.Lost) func(*story) {
	return both(arrival(func(s *drill.Seen) {
		s.Runs, s.Checked = only(drill.Run{Partition: 0, From: 101, Len: []int64{3}}, drill.Run{Partition: 1, From: 101, Len: []int64{1, 1, 1}}), 5
	}), func(s *story) { s.add(27.9, drill.Record{Lost: &second}) })
}

var seq3 = only(drill.Run{Partition: 1, From: 102, Len: []int64{1}})

// closed: the stream never opens again.
func closed(s *story) {
	s.edit(func(at float64, r *drill.Record) bool { return at < stopAt+1 || r.Stream == nil && r.Seen == nil })
	s.add(leaveAt, drill.Record{Stream: &drill.Stream{Conn: 1, Attempts: 104, Reason: "connection refused"}})
	s.of("crm_events_sse_clients").set(25, 40, 0)
}

func deliveryMutations() []mutation {
	return []mutation{
		{"one is lost by the bridge", lost(drill.Lost{InLog: seq3}), want{"delivery.no_loss": fail}, "partition 1 offset 102 (seq 3): in Kafka and below the commit: the bridge lost it"},
		{"one is lost by the broker", lost(drill.Lost{Missing: seq3}), want{"delivery.no_loss": fail}, "the broker lost it"},
		{"one is deleted by retention", lost(drill.Lost{Expired: seq3}), want{"delivery.no_loss": fail}, "retention"},
		{"one is not seen and Kafka cannot be asked", lost(drill.Lost{Error: "broker away"}), want{"delivery.no_loss": open}, "could not be asked"},
		{"nothing comes although the stream is open", both(without(func(at float64, r *drill.Record) bool { return r.Seen != nil && at > startAt }), func(s *story) {
			s.add(27.9, drill.Record{Lost: &drill.Lost{InLog: runs(101, 3)}})
		}), want{"delivery.no_loss": fail}, "6 of 6 lost"},
		{"the stream never opens again", closed, want{"recovery.first_event": fail}, "104 tries; the last one: connection refused"},
		{"the first event comes late", both(arrival(func(s *drill.Seen) { s.First, s.Last = sec(31), sec(31) })), want{"recovery.first_event": fail}, "5.5s"},
		{"nothing is owed", owed(func(o *drill.Owed) { o.Runs = nil }), want{
			"recovery.first_event": open, "delivery.no_loss": open, "delivery.duplicates": open, "delivery.order": open, "delivery.content": open,
		}, "what is owed"},
		{"one comes twice", arrival(func(s *drill.Seen) { s.Again, s.Checked = seq3, 7 }), want{"delivery.duplicates": fail}, "partition 1 offset 102 (seq 3): seen 2 times"},
		{"one comes again that came before the outage", arrival(func(s *drill.Seen) {
			s.Runs = append(only(drill.Run{Partition: 0, From: 100, Len: []int64{1}}), s.Runs...)
		}), want{"delivery.duplicates": fail}, ""},
		{"two are swapped", arrival(func(s *drill.Seen) {
			s.Misordered.Add(drill.Oddity{Partition: 1, Offset: 102, Note: "came after offset 103"})
		}), want{"delivery.order": fail}, "partition 1 offset 102 (seq 3): came after offset 103"},
		{"one is altered", arrival(func(s *drill.Seen) {
			s.Corrupt.Add(drill.Oddity{Partition: 1, Offset: 102, Note: "another value"})
		}), want{"delivery.content": fail}, "partition 1 offset 102 (seq 3): another value"},
		{"a frame is unreadable", arrival(func(s *drill.Seen) { s.Unreadable.Add(drill.Oddity{Note: "no offset"}) }), want{"delivery.content": fail}, "1 frame"},
		{"not all are compared", arrival(func(s *drill.Seen) { s.Checked = 5 }), want{"delivery.content": open}, "5 of 6"},
	}
}

func metricMutations() []mutation {
	const counter, began, clients = "crm_events_messages_total", "process_start_time_seconds", "crm_events_sse_clients"
	return []mutation{
		{"it counts one too many", series1(counter, func(x *series) { x.change(26, 40, func(p *drill.Point) bool { p.Value++; return true }) }), want{"counter.exact": fail}, "1 too many"},
		{"it counts one too few", series1(counter, func(x *series) { x.change(26, 40, func(p *drill.Point) bool { p.Value--; return true }) }), want{"counter.exact": fail}, "1 too few"},
		{"it has no counter after the start", series1(counter, func(x *series) { x.drop(26, 40) }), want{"counter.exact": open}, "no sample"},
		{"the process was started twice", series1(began, func(x *series) { x.change(30, 40, func(p *drill.Point) bool { p.Value++; return true }) }), want{"counter.exact": open}, "more than once"},
		{"the process is the one from before", series1(began, func(x *series) { x.change(26, 40, func(p *drill.Point) bool { p.Value -= 125.52; return true }) }), want{"counter.exact": open}, "what it was before"},
		{"other events come during the last scrapes", both(
			offsetsFrom(35, 40, func(o *drill.Offsets) { o.End[0] += 5 }),
			series1(counter, func(x *series) { x.change(35, 40, func(p *drill.Point) bool { p.Value += 4; return true }) }),
		), want{}, ""},
		{"it catches up no faster than before", series1(counter, func(x *series) {
			x.set(26, 29.9, 0.1)
			x.change(0, stopAt, func(p *drill.Point) bool { p.Value += float64(p.At.Sub(zero).Seconds()); return true })
		}), want{"rate.spike": fail}, "at the first scrapes"},
		{"the first event is counted late", series1(counter, func(x *series) { x.set(26, 31.9, 0) }), want{}, ""},
		{"the backlog is too small to stand out", series1(counter, func(x *series) {
			x.set(26, 29.9, 1)
			x.change(0, stopAt, func(p *drill.Point) bool { p.Value += 20 * float64(p.At.Sub(zero).Seconds()); return true })
		}), want{"rate.spike": open}, "does not stand out"},
		{"the gauge does not rise", series1(clients, func(x *series) { x.set(0, 10.5, 0) }), want{"sse.clients": fail}, "from 0 to 0"},
		{"the gauge does not fall", series1(clients, func(x *series) { x.set(26, 40, 1) }), want{"sse.clients": fail}, "from 1 to 1"},
		{"the gauge is there while the target is down", series1(clients, func(x *series) { x.put(15.25, 1) }), want{"sse.clients": fail}, "while the target was down"},
		{"nobody saw the gauge before the witness came", series1(clients, func(x *series) { x.drop(0, 2) }), want{"sse.clients": open}, "no sample before"},
	}
}
