package checks

import (
	"fmt"
	"slices"
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/lag"
)

func lagPeak() drill.Check {
	return drill.Check{
		ID: "lag.peak", About: "the lag of the outage equals the arithmetic of the frozen commits", Needs: []string{idBacklog},
		Usual: "somebody else commits for the group, or the exporter shows another group or topic",
		Judge: func(s drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("lag = end offsets − commits frozen by the stop")
			stop, frozen := f.Call(drill.OpStop), f.Frozen()
			if frozen == nil || f.Owed == nil || !frozen.V.Asked.After(f.Owed.Time) {
				return r.missing("Kafka was not looked at between the backlog and the start")
			}
			r.uses(stop.Line, f.Owed.Line, frozen.Line)
			for _, o := range f.OffsetsIn(stop.V.To, frozen.V.Answered.Add(1)) {
				if !slices.Equal(o.V.Committed, frozen.V.Committed) {
					r.uses(o.Line)
					return r.fail("commits moved", "commits went from %v to %v while the target was down", o.V.Committed, frozen.V.Committed)
				}
			}
			ps, err := lag.Partitions(frozen.V.Start, frozen.V.End, frozen.V.Committed)
			if err != nil {
				return r.undecided("not known", "%v", err)
			}
			sum, err := lag.Sum(ps)
			if err != nil {
				return r.undecided("not known", "%v", err)
			}
			least := span(f.Owed.V.To, frozen.V.Committed)
			r.expected = fmt.Sprintf("lag %d: end offsets after the backlog − frozen commits", least)
			if sum < least {
				return r.fail(fmt.Sprint(sum), "lag %d is below the %d that the backlog makes", sum, least)
			}
			return r.exporter(f, frozen, least, sum)
		},
	}
}

// exporter holds the gauge beside the arithmetic, where there is one.
func (r *ruling) exporter(f *drill.Facts, frozen *drill.At[drill.Offsets], least, most int64) drill.Finding {
	offset := f.Clocks["prometheus"].V.Offset.D()
	gauge, lines := f.Series("kafka_consumergroup_lag_sum").Between(f.Owed.Time.Add(offset), frozen.V.Asked.Add(offset))
	if len(gauge) == 0 {
		return r.pass("lag %d; no exporter shows it", most)
	}
	last := gauge[len(gauge)-1]
	r.uses(lines[len(lines)-1])
	if v := int64(last.Value); v < least || v > most {
		return r.fail(fmt.Sprint(most), "kafka_consumergroup_lag_sum was %g, the arithmetic says %d to %d", last.Value, least, most)
	}
	return r.pass("lag %d, and kafka_consumergroup_lag_sum %g", most, last.Value)
}

// span is the sum over the partitions of to − from.
func span(to, from []int64) (n int64) {
	for p := range to {
		if p < len(from) {
			n += to[p] - from[p]
		}
	}
	return n
}

func lagDrained() drill.Check {
	return drill.Check{
		ID: "lag.drained", About: "commits reach the end of the backlog within the objective", Needs: []string{idBacklog, idRestarted},
		Usual: "the service is slower than it was thought to be, or waits for its place in the group",
		Judge: func(s drill.Spec, f *drill.Facts) drill.Finding {
			limit := s.Objectives.Drain.D()
			r := expect("every commit at the end of the backlog within %s of the start call", limit)
			start := f.Call(drill.OpStart)
			if start == nil || f.Owed == nil {
				return r.missing("it is not known what had to be drained")
			}
			r.uses(start.Line, f.Owed.Line)
			low := time.Duration(0) // surely not drained after that
			for _, o := range f.Offsets {
				if o.V.Asked.Before(start.V.From) {
					continue
				}
				if !reached(o.V.Committed, f.Owed.V.To) {
					low = o.V.Asked.Sub(start.V.From)
					continue
				}
				r.uses(o.Line)
				high := o.V.Answered.Sub(start.V.From)
				took := fmt.Sprintf("%s to %s", low.Round(time.Millisecond), high.Round(time.Millisecond))
				switch {
				case high <= limit:
					return r.pass("lag 0, %s after the start call", took)
				case low > limit:
					return r.fail(took, "it took %s", took)
				}
				return r.undecided(took, "it took %s, which is on both sides of the objective", took)
			}
			if low == 0 {
				return r.missing("Kafka was not looked at after the start")
			}
			return r.because(idCommitted, "because commits had not reached the end after %s", low.Round(time.Millisecond))
		},
	}
}

func reached(at, target []int64) bool {
	for p, t := range target {
		if p >= len(at) || at[p] < t {
			return false
		}
	}
	return len(target) > 0
}

func offsetsCommitted() drill.Check {
	return drill.Check{
		ID: idCommitted, About: "in the end every commit has reached the end of the backlog, and none is beyond the log", Needs: []string{idBacklog, idRestarted},
		Usual: "a partition has no owner in the group, or commits fail silently",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("every commit at its target")
			start, last := f.Call(drill.OpStart), f.LastOffsets()
			if start == nil || f.Owed == nil || last == nil || last.V.Asked.Before(start.V.To) {
				return r.missing("Kafka was not looked at after the start")
			}
			target := f.Owed.V.To
			r.expected = fmt.Sprintf("commits at or beyond %v", target)
			r.uses(f.Owed.Line, last.Line)
			for p, c := range last.V.Committed {
				if p < len(last.V.End) && c > last.V.End[p] {
					return r.fail(fmt.Sprint(last.V.Committed), "partition %d: commit %d is beyond the end of the log, %d", p, c, last.V.End[p])
				}
			}
			drained := ended(f, drill.StageDrain)
			for p, t := range target {
				if p < len(last.V.Committed) && last.V.Committed[p] < t && !drained {
					return r.missing("the drain did not come to its end, and partition %d had not reached %d", p, t)
				}
				if p >= len(last.V.Committed) || last.V.Committed[p] < t {
					return r.fail(fmt.Sprint(last.V.Committed), "partition %d did not reach %d; commits are %v", p, t, last.V.Committed)
				}
			}
			return r.pass("commits at %v", last.V.Committed)
		},
	}
}
