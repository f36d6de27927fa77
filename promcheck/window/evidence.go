package window

import (
	"sort"
	"time"
)

// Sample is one raw sample with the time Prometheus gave it.
type Sample struct {
	At    time.Time
	Value float64
}

// slack is how much later than due a sample may stand before one counts as
// missing: half an interval.
func slack(interval time.Duration) time.Duration { return interval + interval/2 }

// Gap is the first stretch in [from, to] of ascending samples that is longer
// than 1.5 intervals, the ends included; ok is false where there is none. In a
// gap nothing is known: Prometheus itself did not look.
func Gap(samples []Sample, from, to time.Time, interval time.Duration) (gap Span, ok bool) {
	last := from
	for _, s := range samples {
		if s.At.Before(from) || s.At.After(to) {
			continue
		}
		if s.At.Sub(last) > slack(interval) {
			return Span{Lo: last, Hi: s.At}, true
		}
		last = s.At
	}
	if to.Sub(last) > slack(interval) {
		return Span{Lo: last, Hi: to}, true
	}
	return Span{}, false
}

// FirstValue is the first sample at or after from that has the value; ok is
// false where there is none.
func FirstValue(samples []Sample, from time.Time, value float64) (s Sample, ok bool) {
	i := sort.Search(len(samples), func(i int) bool { return !samples[i].At.Before(from) })
	for ; i < len(samples); i++ {
		if samples[i].Value == value {
			return samples[i], true
		}
	}
	return Sample{}, false
}

// Transitions of one alert, as spans of Prometheus's clock; a zero span was not
// seen. Prometheus stamps ALERTS with the evaluation's time, so pending and
// firing are exact; resolved is the evaluation after the last firing sample.
type Transitions struct {
	Pending, Firing, Resolved Span
}

// Observe reads the transitions off the raw samples of ALERTS, ascending, from
// an instant on. seenTo is up to when Prometheus was looked at: the alert is
// resolved only if that is beyond the evaluation at which it would have gone on.
func Observe(pending, firing []Sample, from, seenTo time.Time, c Config) (t Transitions) {
	if s, ok := first(pending, from); ok {
		t.Pending = Instant(s.At)
	}
	s, ok := first(firing, from)
	if !ok {
		return t
	}
	t.Firing = Instant(s.At)
	last := firing[len(firing)-1].At
	if next := last.Add(c.Group); !seenTo.Before(next.Add(c.Group)) {
		t.Resolved = Instant(next)
	}
	return t
}

func first(samples []Sample, from time.Time) (Sample, bool) {
	i := sort.Search(len(samples), func(i int) bool { return !samples[i].At.Before(from) })
	if i == len(samples) {
		return Sample{}, false
	}
	return samples[i], true
}
