package checks

import (
	"fmt"
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/promcheck/window"
)

// timing is what the checks of up and alert need: the rule as the server has
// it, its windows, and how the runner's clock stands to Prometheus's.
type timing struct {
	rule   drill.Rule
	window window.Config
	offset time.Duration // Prometheus minus runner
	err    time.Duration
	stop   window.Span // the stop call, on Prometheus's clock
	lines  []int
}

// timingOf says what is missing where it cannot tell.
func timingOf(f *drill.Facts) (t timing, missing string) {
	rule, stop := f.Rule(), f.Call(drill.OpStop)
	clock, read := f.ClockOf("prometheus")
	switch {
	case rule == nil:
		return t, "the rule was not read before the stop"
	case stop == nil:
		return t, "the target was not stopped"
	case !read:
		return t, "the clock of Prometheus was not read"
	}
	for _, later := range f.Rules {
		if later.Line > rule.Line && !sameRule(rule.V, later.V) {
			return t, "the rule was changed while the drill went on"
		}
	}
	r := rule.V
	t = timing{
		rule: r, offset: clock.V.Offset.D(), err: clock.V.Error.D(), lines: []int{rule.Line, stop.Line, clock.Line},
		window: window.Config{
			Scrape: r.Scrape.D(), ScrapeTimeout: r.ScrapeTimeout.D(), Group: r.Interval.D(), For: r.For.D(),
			KeepFiring: r.KeepFiring.D(), QueryOffset: r.QueryOffset.D(),
		},
	}
	if err := t.window.Validate(); err != nil {
		return t, err.Error()
	}
	t.stop = t.span(stop.V.From, stop.V.To)
	return t, ""
}

func sameRule(a, b drill.Rule) bool {
	return a.Expr == b.Expr && a.Interval == b.Interval && a.For == b.For && a.KeepFiring == b.KeepFiring &&
		a.QueryOffset == b.QueryOffset && a.Scrape == b.Scrape && a.ScrapeTimeout == b.ScrapeTimeout
}

// span puts a stretch of the runner's clock on Prometheus's.
func (t timing) span(from, to time.Time) window.Span {
	return window.Span{Lo: from, Hi: to}.Shift(t.offset, t.err)
}

// at is the middle of what an instant of the runner's clock may be.
func (t timing) at(x time.Time) time.Time { return x.Add(t.offset) }

// afterStop writes an instant of Prometheus's clock as the time since the stop
// call began.
func (t timing) afterStop(x time.Time) string { return since(t.stop.Lo.Add(t.err), x) }

func since(from, to time.Time) string {
	return fmt.Sprintf("%+.1fs", to.Sub(from).Round(100*time.Millisecond).Seconds())
}

// within writes a window relative to an instant.
func within(w window.Span, from time.Time) string {
	return fmt.Sprintf("[%s, %s)", since(from, w.Lo), since(from, w.Hi))
}

func samples(ps []drill.Point) []window.Sample {
	ss := make([]window.Sample, len(ps))
	for i, p := range ps {
		ss[i] = window.Sample{At: p.At, Value: p.Value}
	}
	return ss
}

// upAgain is when the target answered again, on Prometheus's clock: after the
// start call was made, and before the stream opened or a scrape succeeded.
func (t timing) upAgain(f *drill.Facts) (up window.Span, lines []int, missing string) {
	start := f.Call(drill.OpStart)
	if start == nil || start.V.Error != "" {
		return up, nil, "the target was not started"
	}
	lines = []int{start.Line}
	began := t.span(start.V.From, start.V.From)
	points, from := f.Series("up").Between(began.Lo, t.at(f.Last).Add(time.Minute))
	if good, ok := window.FirstValue(samples(points), began.Lo, 1); ok {
		up, lines = window.Span{Lo: began.Lo, Hi: good.At.Add(t.window.ScrapeTimeout)}, append(lines, from...)
	}
	for _, s := range f.Streams {
		if s.Time.Before(start.V.From) || !s.V.Open {
			continue
		}
		if open := t.span(start.V.From, s.Time); up.Hi.IsZero() || open.Hi.Before(up.Hi) {
			up, lines = open, append(lines, s.Line)
		}
		break
	}
	if up.Hi.IsZero() {
		return up, nil, "nothing tells when the target answered again: the stream did not open, and no scrape succeeded"
	}
	return up, lines, ""
}

// ruled gives the outcome of holding an instant against a window.
func (r *ruling) ruled(w window.Span, seen, zero time.Time, usual string) drill.Finding {
	observed := since(zero, seen)
	switch w.Judge(window.Instant(seen)) {
	case window.Inside:
		return r.pass("%s, inside %s", observed, within(w, zero))
	case window.Outside:
		return r.fail(observed, "%s is outside %s: %s", observed, within(w, zero), usual)
	}
	return r.undecided(observed, "%s cannot be held against %s", observed, within(w, zero))
}
