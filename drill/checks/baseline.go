package checks

import (
	"time"

	"github.com/aetherlink/aether/drill"
)

// steadyCommit is how soon a commit has to follow an event in the steady state.
const steadyCommit = 5 * time.Second

func baselineSteady() drill.Check {
	return drill.Check{
		ID:    "baseline.steady",
		About: "before the stop: target up, alert inactive for two evaluations, one event per partition seen and committed within 5s",
		Usual: "the service or its monitoring was not well before the drill began",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("up 1, alert inactive for two evaluations, an event of every partition seen, and committed within %s", steadyCommit)
			t, missing := timingOf(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			r.uses(t.lines...)
			stage, ok := f.Stage(drill.StageBaseline)
			if !ok || stage.Finished.IsZero() || stage.Reason != "" {
				return r.missing("the baseline did not come to its end")
			}
			up, lines := f.Series("up").Between(t.at(stage.Started), t.stop.Lo)
			if len(up) < 2 {
				return r.missing("%d scrapes in the baseline, 2 are needed", len(up))
			}
			r.uses(lines...)
			for _, p := range up {
				if p.Value != 1 && p.At.Before(t.window.DownSeen(t.stop).Lo) { // one under way at the stop may fail
					return r.fail("a scrape failed", "the scrape at %s failed", p.At.Format(time.TimeOnly))
				}
			}
			if f := r.inactive(t, f); f != nil {
				return *f
			}
			return r.canary(f)
		},
	}
}

// inactive is nil where the alert was looked at for two evaluations before the
// stop and was not there.
func (r *ruling) inactive(t timing, f *drill.Facts) *drill.Finding {
	from := t.stop.Lo.Add(-2 * t.window.Group)
	for _, state := range []string{"pending", "firing"} {
		s := f.Alerts(state)
		if points, lines := s.Between(from, t.stop.Lo); len(points) > 0 {
			r.uses(lines...)
			x := r.fail("alert "+state, "the alert was %s before the stop", state)
			return &x
		}
		lines, covered := s.Covers(from, t.stop.Lo)
		if !covered {
			x := r.missing("whether the alert was %s in the two evaluations before the stop was not looked at", state)
			return &x
		}
		r.uses(lines...)
	}
	return nil
}

// canary judges the first round of single events.
func (r *ruling) canary(f *drill.Facts) drill.Finding {
	stop := f.Call(drill.OpStop)
	if len(f.Canaries) == 0 || f.Canaries[0].Line > stop.Line {
		return r.missing("no event was sent in the baseline")
	}
	c := f.Canaries[0]
	r.uses(c.Line)
	for p, o := range c.V.Offsets {
		line := seenAt(f, int32(p), o, stop.Line)
		if line == 0 {
			return r.fail("not seen", "the event at partition %d offset %d was not seen on the stream before the stop", p, o)
		}
		r.uses(line)
	}
	var before *drill.At[drill.Offsets] // the last look at which it was not committed
	for i, o := range f.Offsets {
		if o.Line < c.Line || o.Line > stop.Line {
			continue
		}
		if !committed(o.V, c.V.Offsets) {
			before = &f.Offsets[i]
			continue
		}
		r.uses(o.Line)
		took := o.V.Answered.Sub(c.Time)
		switch {
		case took <= steadyCommit:
			return r.pass("up 1, alert inactive, %s seen, committed after %s at most", plural(int64(len(c.V.Offsets)), "event"), took.Round(time.Millisecond))
		case before != nil && before.V.Asked.Sub(c.Time) > steadyCommit:
			r.uses(before.Line)
			return r.fail("committed late", "not committed after %s", before.V.Asked.Sub(c.Time).Round(time.Millisecond))
		}
		return r.undecided("committed", "it is not known whether the commit took longer than %s: Kafka was not looked at in between", steadyCommit)
	}
	if before == nil {
		return r.missing("Kafka was not looked at between the events of the baseline and the stop")
	}
	r.uses(before.Line)
	if waited := before.V.Asked.Sub(c.Time); waited <= steadyCommit {
		return r.undecided("not committed yet", "the stop came %s after the events of the baseline, which were not committed yet", waited.Round(time.Millisecond))
	}
	return r.fail("not committed", "the events of the baseline were not committed before the stop")
}

// seenAt is the line on which an event arrived before a line, 0 for none.
func seenAt(f *drill.Facts, p int32, o int64, before int) int {
	for _, s := range f.Seen {
		if s.Line >= before {
			break
		}
		for _, run := range s.V.Runs {
			if run.Partition != p {
				continue
			}
			for from, to := range run.Spans() {
				if o >= from && o < to {
					return s.Line
				}
			}
		}
	}
	return 0
}

// committed: every commit is beyond these offsets.
func committed(o drill.Offsets, offsets []int64) bool {
	for p, at := range offsets {
		if p >= len(o.Committed) || o.Committed[p] <= at {
			return false
		}
	}
	return len(offsets) > 0
}
