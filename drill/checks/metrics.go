package checks

import (
	"fmt"
	"slices"
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/lag"
)

// metrics is what the service's own numbers are judged with.
type metrics struct {
	offset, err time.Duration // of Prometheus's clock
	stop, start *drill.At[drill.Call]
}

func metricsOf(f *drill.Facts) (m metrics, missing string) {
	c, ok := f.ClockOf("prometheus")
	m = metrics{offset: c.V.Offset.D(), err: c.V.Error.D(), stop: f.Call(drill.OpStop), start: f.Call(drill.OpStart)}
	switch {
	case !ok:
		return m, "the clock of Prometheus was not read"
	case m.stop == nil || m.start == nil:
		return m, "the target was not stopped and started"
	}
	return m, ""
}

func (m metrics) at(t time.Time) time.Time { return t.Add(m.offset) }

// after is every point of a series from the start call on.
func (m metrics) after(f *drill.Facts, name string) ([]drill.Point, []int) {
	return f.Series(name).Between(m.at(m.start.V.From).Add(-m.err), m.at(f.Last).Add(time.Minute))
}

// started is when the process began that runs after the outage; it has to be
// one process, and another one than before.
func (r *ruling) started(m metrics, f *drill.Facts) (at float64, undecided *drill.Finding) {
	old, oldLines := f.Series("process_start_time_seconds").Between(time.Time{}, m.at(m.stop.V.From))
	now, nowLines := m.after(f, "process_start_time_seconds")
	if len(old) == 0 || len(now) == 0 {
		x := r.missing("process_start_time_seconds has no sample before the stop, or none after the start")
		return 0, &x
	}
	r.uses(oldLines[len(oldLines)-1])
	r.uses(nowLines...)
	at = now[0].Value
	for _, p := range now {
		if p.Value != at {
			x := r.undecided("started more than once", "the process was started more than once after the outage: counters cannot be told apart")
			return 0, &x
		}
	}
	if at == old[len(old)-1].Value {
		x := r.undecided("the same process", "process_start_time_seconds is what it was before the stop: this is not the process that was stopped")
		return 0, &x
	}
	return at, nil
}

func counterExact() drill.Check {
	return drill.Check{
		ID: idCounter, About: "the service's counter has counted each event since the frozen commits once", Needs: []string{idRestarted},
		Usual: "events are counted per client or twice, or not all that were read are counted",
		Judge: func(s drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("%s = position − frozen commits", s.Prometheus.Counter)
			m, missing := metricsOf(f)
			frozen := f.Frozen()
			if missing == "" && frozen == nil {
				missing = "the commits of the outage were not read"
			}
			if missing == "" && slices.Contains(frozen.V.Committed, lag.None) {
				missing = "a partition had no commit in the outage"
			}
			if missing != "" {
				return r.missing("%s", missing)
			}
			if _, undecided := r.started(m, f); undecided != nil {
				return *undecided
			}
			r.uses(frozen.Line)
			points, lines := m.after(f, s.Prometheus.Counter)
			for i := len(points) - 1; i >= 0; i-- {
				before, after := m.bracket(f, points[i].At, scrapeTook(f, points[i].At))
				if before == nil || after == nil {
					continue
				}
				r.uses(lines[len(lines)-1], before.Line, after.Line)
				return r.counted(points[i].Value, span(before.V.Committed, frozen.V.Committed), span(after.V.End, frozen.V.Committed))
			}
			return r.missing("%s has no sample after the start between two looks at Kafka", s.Prometheus.Counter)
		},
	}
}

// scrapeTook is how long the scrape with that stamp lasted: somewhere in it the
// value was read.
func scrapeTook(f *drill.Facts, at time.Time) time.Duration {
	took, _ := f.Series("scrape_duration_seconds").Between(at, at.Add(1))
	if len(took) > 0 {
		return time.Duration(took[0].Value * float64(time.Second))
	}
	if rule := f.Rule(); rule != nil {
		return rule.V.ScrapeTimeout.D()
	}
	return time.Minute
}

// bracket is the last look at Kafka surely before a scrape that began at an
// instant of Prometheus's clock, and the first one surely after it.
func (m metrics) bracket(f *drill.Facts, t time.Time, took time.Duration) (before, after *drill.At[drill.Offsets]) {
	for i, o := range f.Offsets {
		if m.at(o.V.Asked).Before(m.at(m.start.V.To)) {
			continue
		}
		if m.at(o.V.Answered).Add(m.err).Before(t) {
			before = &f.Offsets[i]
		}
		if after == nil && m.at(o.V.Asked).Add(-m.err).After(t.Add(took)) {
			after = &f.Offsets[i]
		}
	}
	return before, after
}

// counted: at least what was committed before the scrape, at most what was in
// the log after it. Without other traffic the two are the same.
func (r *ruling) counted(v float64, least, most int64) drill.Finding {
	r.expected = fmt.Sprint(least)
	if least != most {
		r.expected = fmt.Sprintf("%d to %d, other events came meanwhile", least, most)
	}
	switch {
	case v < float64(least):
		return r.fail(fmt.Sprintf("%.0f", v), "%.0f counted, %.0f too few", v, float64(least)-v)
	case v > float64(most):
		return r.fail(fmt.Sprintf("%.0f", v), "%.0f counted, %.0f too many", v, v-float64(most))
	}
	return r.pass("%.0f", v)
}

// firstScrapes is how many scrapes may show the spike, from the first on that
// counts an event: how long that took is for other checks.
const firstScrapes = 3

func firstCounted(points []drill.Point) []drill.Point {
	i := slices.IndexFunc(points, func(p drill.Point) bool { return p.Value > 0 })
	if i < 0 {
		return nil
	}
	return points[i:min(len(points), i+firstScrapes)]
}

func rateSpike() drill.Check {
	return drill.Check{
		ID: "rate.spike", About: "the rate since the process started, at its first scrapes, exceeds the baseline's", Needs: []string{idCounter},
		Usual: "the service does not catch up faster than events come, or counts only later",
		Judge: func(s drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("more events/s than in the baseline")
			m, missing := metricsOf(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			began, undecided := r.started(m, f)
			if undecided != nil {
				return *undecided
			}
			old, oldLines := f.Series(s.Prometheus.Counter).Between(time.Time{}, m.at(m.stop.V.From))
			now, nowLines := m.after(f, s.Prometheus.Counter)
			if len(old) < 2 || len(now) == 0 {
				return r.missing("%s has %d samples before the stop and %d after the start", s.Prometheus.Counter, len(old), len(now))
			}
			r.uses(oldLines...)
			r.uses(nowLines[0])
			first, last := old[0], old[len(old)-1]
			base := (last.Value - first.Value) / last.At.Sub(first.At).Seconds()
			r.expected = fmt.Sprintf("more than the baseline's %.1f events/s", base)
			best := 0.0
			for _, p := range firstCounted(now) {
				if age := float64(p.At.UnixMilli())/1000 - began; age > 0 {
					best = max(best, p.Value/age)
				}
			}
			seen := fmt.Sprintf("%.1f events/s; %s", best, rateSees(last.Value, now[0].Value))
			most := 0.0
			if age := float64(now[0].At.UnixMilli())/1000 - began; age > 0 {
				most = float64(s.Backlog.Events) / age
			}
			switch {
			case best > base:
				return r.pass("%s", seen)
			case most <= base:
				return r.undecided(seen, "a backlog of %d makes %.1f events/s at most, which does not stand out", s.Backlog.Events, most)
			}
			return r.fail(seen, "%.1f events/s at the first scrapes", best)
		},
	}
}

// rateSees says what Prometheus's rate() makes of the restart: it takes a value
// below the last one for a reset, and any other for an increase.
func rateSees(last, first float64) string {
	if first >= last {
		return fmt.Sprintf("rate() sees no reset (%.0f, then %.0f) and shows %.0f events too few", last, first, last)
	}
	return fmt.Sprintf("rate() sees a reset (%.0f, then %.0f)", last, first)
}

func sseClients() drill.Check {
	return drill.Check{
		ID: "sse.clients", About: "the client gauge rises by one for the witness, is absent while down, and falls by one when it leaves", Needs: []string{idRestarted},
		Usual: "the gauge is set before streams begin, or never lowered; other clients that come or go make it uneven too",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("+1 when the witness connects, absent while down, −1 when it leaves")
			m, missing := metricsOf(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			gauge := f.Series("crm_events_sse_clients")
			came, back, left := m.streams(f)
			switch {
			case came != nil && back == nil:
				return r.because(idFirstEvent, "because the stream did not open again")
			case came == nil || left == nil:
				return r.missing("the witness did not come, or did not leave")
			}
			r.uses(came.Line, back.Line, left.Line)
			last := func(from, to time.Time) (float64, bool) {
				points, lines := gauge.Between(from, to)
				if len(points) == 0 {
					return 0, false
				}
				r.uses(lines[len(lines)-1])
				return points[len(points)-1].Value, true
			}
			without, ok0 := last(time.Time{}, m.at(came.Time).Add(-m.err))
			with, ok1 := last(m.at(came.Time).Add(m.err), m.at(m.stop.V.From).Add(-m.err))
			again, ok2 := last(m.at(back.Time).Add(m.err), m.at(left.Time).Add(-m.err))
			after, ok3 := last(m.at(left.Time).Add(m.err), m.at(f.Last).Add(time.Minute))
			if !ok0 || !ok1 || !ok2 || !ok3 {
				return r.missing("crm_events_sse_clients has no sample before the witness came, with it, after the outage, or after it left")
			}
			from, to := m.at(m.stop.V.To).Add(m.err), m.at(m.start.V.From).Add(-m.err)
			lines, covered := gauge.Covers(from, to)
			down, downLines := gauge.Between(from, to)
			r.uses(lines...)
			r.uses(downLines...)
			seen := fmt.Sprintf("%.0f, %.0f with the witness; %d samples while down; %.0f, %.0f without it again", without, with, len(down), again, after)
			switch {
			case with-without != 1:
				return r.fail(seen, "it went from %.0f to %.0f when the witness connected", without, with)
			case len(down) > 0:
				return r.fail(seen, "it was there while the target was down")
			case !covered:
				return r.missing("the gauge was not looked at all through the outage")
			case again-after != 1:
				return r.fail(seen, "it went from %.0f to %.0f when the witness left", again, after)
			}
			return r.pass("%s", seen)
		},
	}
}

// streams is when the witness came, came back after the start, and left. It may
// be back before the start call has returned and stands in the journal.
func (m metrics) streams(f *drill.Facts) (came, back, left *drill.At[drill.Stream]) {
	for i := range f.Streams {
		s := &f.Streams[i]
		switch {
		case s.V.Open && came == nil && s.Line < m.stop.Line:
			came = s
		case s.V.Open && s.Time.After(m.start.V.From):
			back = s
		case !s.V.Open && back != nil:
			left = s
		}
	}
	return came, back, left
}
