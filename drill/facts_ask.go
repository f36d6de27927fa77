package drill

import (
	"time"
)

// seriesKey keeps the states of ALERTS apart; of everything else one series is kept.
func seriesKey(name, state string) string { return name + "/" + state }

func (f *Facts) addSeries(r Record) {
	k := seriesKey(r.Series.Name, r.Series.Labels["alertstate"])
	s := f.series[k]
	if s == nil {
		s = &SeriesFacts{Name: r.Series.Name, Labels: r.Series.Labels}
		f.series[k] = s
	}
	s.add(r.N, r.Series)
}

// Series is what is known of a series; never nil.
func (f *Facts) Series(name string) *SeriesFacts { return f.lookup(name, "") }

// Alerts is the ALERTS series of one state, "pending" or "firing"; never nil.
func (f *Facts) Alerts(state string) *SeriesFacts { return f.lookup("ALERTS", state) }

func (f *Facts) lookup(name, state string) *SeriesFacts {
	if s := f.series[seriesKey(name, state)]; s != nil {
		return s
	}
	return &SeriesFacts{Name: name}
}

// SeriesNames is the name of every series that was looked at, sorted.
func (f *Facts) SeriesNames() []string {
	var names []string
	for _, k := range sortedKeys(f.series) {
		names = append(names, f.series[k].Name)
	}
	return names
}

// Call is the last call of that kind, nil for none.
func (f *Facts) Call(op string) *At[Call] {
	for i := len(f.Calls) - 1; i >= 0; i-- {
		if f.Calls[i].V.Op == op {
			return &f.Calls[i]
		}
	}
	return nil
}

// Stage is the last span of that name; ok is false where it never began.
func (f *Facts) Stage(name string) (s StageSpan, ok bool) {
	for i := len(f.Stages) - 1; i >= 0; i-- {
		if f.Stages[i].Name == name {
			return f.Stages[i], true
		}
	}
	return StageSpan{}, false
}

// TargetBefore is the last state found before the stop call, TargetDown the
// last one between stop and start, TargetAfter the last one after the start.
func (f *Facts) TargetBefore() *At[TargetState] { return f.targetIn(0, f.callLine(OpStop)) }

// TargetDown is documented at TargetBefore.
func (f *Facts) TargetDown() *At[TargetState] {
	return f.targetIn(f.callLine(OpStop), f.callLine(OpStart))
}

// TargetAfter is documented at TargetBefore.
func (f *Facts) TargetAfter() *At[TargetState] { return f.targetIn(f.callLine(OpStart), f.Lines+1) }

// callLine is the line of a call; without one, beyond the journal.
func (f *Facts) callLine(op string) int {
	if c := f.Call(op); c != nil {
		return c.Line
	}
	return f.Lines + 1
}

func (f *Facts) targetIn(after, before int) *At[TargetState] {
	for i := len(f.Targets) - 1; i >= 0; i-- {
		if l := f.Targets[i].Line; l > after && l < before {
			return &f.Targets[i]
		}
	}
	return nil
}

// Rule is the alert as it was read before the fault, nil for never.
func (f *Facts) Rule() *At[Rule] {
	for i := len(f.Rules) - 1; i >= 0; i-- {
		if f.Rules[i].Line < f.callLine(OpStop) {
			return &f.Rules[i]
		}
	}
	return nil
}

// OffsetsIn are the looks at Kafka asked in [from, to) of the runner's clock.
func (f *Facts) OffsetsIn(from, to time.Time) (in []At[Offsets]) {
	for _, o := range f.Offsets {
		if !o.V.Asked.Before(from) && o.V.Answered.Before(to) {
			in = append(in, o)
		}
	}
	return in
}

// Frozen is the commits of the outage: the last look wholly between the end of
// the stop call and the start call. Nil where there was none.
func (f *Facts) Frozen() *At[Offsets] {
	stop, start := f.Call(OpStop), f.Call(OpStart)
	if stop == nil {
		return nil
	}
	to := f.Last.Add(time.Nanosecond)
	if start != nil {
		to = start.V.From
	}
	in := f.OffsetsIn(stop.V.To, to)
	if len(in) == 0 {
		return nil
	}
	return &in[len(in)-1]
}

// LastOffsets is the newest look at Kafka, nil for none.
func (f *Facts) LastOffsets() *At[Offsets] {
	if len(f.Offsets) == 0 {
		return nil
	}
	return &f.Offsets[len(f.Offsets)-1]
}

// ClockOf is the surest reading of a clock, other minus runner; ok is false where
// it was never read.
func (f *Facts) ClockOf(name string) (At[Clock], bool) {
	c, ok := f.Clocks[name]
	return c, ok
}

// Heads is the position of the SSE witness: next offset wanted, per partition;
// 0 where nothing was seen.
func (f *Facts) Heads() []int64 { return f.heads }

// OwedCount and SeenOwed are how many events are owed, and how many of those
// were seen at least once.
func (f *Facts) OwedCount() int64 { return f.owed }

// SeenOwed is documented at OwedCount.
func (f *Facts) SeenOwed() int64 { return f.seenOwed }

// FirstOwed is the batch that brought the first owed event; nil for none yet.
func (f *Facts) FirstOwed() *At[Seen] { return f.arrival }

// LastOwed is the newest batch that brought an owed event not seen before; nil
// for none yet.
func (f *Facts) LastOwed() *At[Seen] { return f.lastOwed }

// CommittedTo says whether the newest look has every commit at or past target.
func (f *Facts) CommittedTo(target []int64) bool {
	o := f.LastOffsets()
	if o == nil || len(target) == 0 {
		return false
	}
	for p, t := range target {
		if p >= len(o.V.Committed) || o.V.Committed[p] < t {
			return false
		}
	}
	return true
}
