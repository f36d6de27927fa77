package checks

import (
	"time"

	"github.com/aetherlink/aether/drill"
)

// container makes the target one on an engine whose clock is ahead, known to
// ±err seconds.
func container(ahead, err float64) func(*story) {
	move := func(t *time.Time) {
		if !t.IsZero() {
			*t = t.Add(length(ahead).D())
		}
	}
	return func(s *story) {
		records(func(_ float64, r *drill.Record) {
			switch {
			case r.Intent != nil:
				r.Intent.Kind = "docker"
			case r.Target != nil:
				move(&r.Target.Started)
				move(&r.Target.Finished)
			}
		})(s)
		if err > 0 {
			s.add(0.15, drill.Record{Clock: &drill.Clock{Of: "docker", Offset: length(ahead), Error: length(err)}})
		}
	}
}

// commands make the target one that tells no times.
func commands() func(*story) {
	return records(func(_ float64, r *drill.Record) {
		switch {
		case r.Intent != nil:
			r.Intent.Kind = "exec"
		case r.Target != nil:
			*r.Target = drill.TargetState{ID: r.Target.ID, Running: r.Target.Running}
		}
	})
}

// lateStart lets the start call return, and be written down, at an instant.
func lateStart(at float64) func(*story) {
	return func(s *story) {
		for i := range s.events {
			if r := s.events[i].rec; r.Call != nil && r.Call.Op == drill.OpStart || r.Target != nil && s.events[i].at > startAt {
				s.events[i].at = at
				at += 0.01
			}
		}
		records(func(_ float64, r *drill.Record) {
			if r.Call != nil && r.Call.Op == drill.OpStart {
				r.Call.To = sec(26.05)
			}
		})(s)
	}
}

func kindMutations() []mutation {
	return []mutation{
		{"a container, its clock 5 s ahead", container(5, 0.01), want{}, ""},
		{"a container, its clock 5 s behind", container(-5, 0.01), want{}, ""},
		{"a container, its clock was not read", container(5, 0), want{"target.stopped": open}, "clock of the engine"},
		{"a container, its clock known too badly", container(5, 0.2), want{"target.stopped": open}, "±200ms"},
		{"a container that ended before it was stopped", both(container(5, 0.01), state(10.5, func(x *drill.TargetState) {
			if !x.Finished.IsZero() {
				x.Finished = sec(5 + 9)
			}
		})), want{"target.stopped": fail}, "1.49s before"},
		{"a container that somebody else started", both(container(5, 0.01), state(25, func(x *drill.TargetState) { x.Started = sec(5 + 20) })), want{"target.restarted": fail}, "5.49s before"},
		{"a container, started about when the start was called", both(container(5, 0.04), state(25, func(x *drill.TargetState) { x.Started = sec(5 + startAt) })), want{"target.restarted": open}, "±40ms"},
		{"commands", commands(), want{}, ""},
		{"commands that say running after the stop", both(commands(), state(10.5, func(x *drill.TargetState) { x.Running = true })), want{"target.stopped": fail}, "runs although"},
		{"commands that say stopped after the start", both(commands(), state(25, func(x *drill.TargetState) { x.Running = false })), want{"target.restarted": fail}, "does not run"},
		{"the stream is back before the start call returns", lateStart(26.05), want{}, ""},
		{"no intent", without(func(_ float64, r *drill.Record) bool { return r.Intent != nil }), want{"target.stopped": open}, "intent"},
	}
}
