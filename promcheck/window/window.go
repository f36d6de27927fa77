package window

import (
	"fmt"
	"time"
)

// Span is an instant known only to lie in it; as a window, [Lo, Hi).
type Span struct{ Lo, Hi time.Time }

// Outcome of holding an observation against a window.
type Outcome uint8

// The zero Outcome is Undecided.
const (
	Undecided Outcome = iota
	Inside
	Outside
)

// Judge: wholly inside the window, disjoint from it, or neither. An observation
// with an unknown end is undecided.
func (w Span) Judge(seen Span) Outcome {
	switch {
	case w.Lo.IsZero() || w.Hi.IsZero() || seen.Lo.IsZero() || seen.Hi.IsZero() || seen.Hi.Before(seen.Lo):
		return Undecided
	case !seen.Lo.Before(w.Lo) && seen.Hi.Before(w.Hi):
		return Inside
	case seen.Hi.Before(w.Lo) || !seen.Lo.Before(w.Hi):
		return Outside
	}
	return Undecided
}

// Shift puts a span on another clock, whose offset to its own is known to ±err:
// the span grows by what is not known.
func (s Span) Shift(offset, err time.Duration) Span {
	if s.Lo.IsZero() || s.Hi.IsZero() {
		return Span{}
	}
	return Span{Lo: s.Lo.Add(offset - err), Hi: s.Hi.Add(offset + err)}
}

// Instant is a span without width.
func Instant(t time.Time) Span { return Span{Lo: t, Hi: t} }

// Config is the timing of one alert as the server reports it.
type Config struct {
	Scrape        time.Duration // τ, scrape interval of the target
	ScrapeTimeout time.Duration // D, upper bound of a scrape's latency
	Group         time.Duration // I, evaluation interval of the rule's group
	For           time.Duration
	KeepFiring    time.Duration
	QueryOffset   time.Duration
}

// Validate names the first field that cannot be.
func (c Config) Validate() error {
	switch {
	case c.Scrape <= 0:
		return fmt.Errorf("scrape interval %s: must be above 0", c.Scrape)
	case c.ScrapeTimeout <= 0:
		return fmt.Errorf("scrape timeout %s: must be above 0", c.ScrapeTimeout)
	case c.Group <= 0:
		return fmt.Errorf("group interval %s: must be above 0", c.Group)
	case c.For < 0 || c.KeepFiring < 0 || c.QueryOffset < 0:
		return fmt.Errorf("for %s, keep_firing_for %s, query offset %s: none may be below 0", c.For, c.KeepFiring, c.QueryOffset)
	}
	return nil
}

func ceil(d, step time.Duration) time.Duration {
	if step <= 0 {
		return d
	}
	return (d + step - 1) / step * step
}

// Hold is F = ceil(for/I)·I: how long after the first active evaluation the
// alert fires.
func (c Config) Hold() time.Duration { return ceil(c.For, c.Group) }

// keep is G = ceil(keep_firing_for/I)·I.
func (c Config) keep() time.Duration { return ceil(c.KeepFiring, c.Group) }

// late is the longest from a sample's time to the evaluation that may use it.
func (c Config) late() time.Duration { return max(c.QueryOffset, c.ScrapeTimeout) }

// DownSeen is when the first failed scrape begins, for a target that stops
// answering within stop: one under way may fail (−D), else the next (τ).
func (c Config) DownSeen(stop Span) Span {
	return Span{Lo: stop.Lo.Add(-c.ScrapeTimeout), Hi: stop.Hi.Add(c.Scrape)}
}

// Pending is when the alert becomes active: [−D, τ+max(Q,D)+I) after the stop.
func (c Config) Pending(stop Span) Span {
	return Span{Lo: stop.Lo.Add(-c.ScrapeTimeout), Hi: stop.Hi.Add(c.Scrape + c.late() + c.Group)}
}

// Firing is when the alert fires: [F−D, F+τ+max(Q,D)+I) after the stop.
func (c Config) Firing(stop Span) Span {
	p := c.Pending(stop)
	return Span{Lo: p.Lo.Add(c.Hold()), Hi: p.Hi.Add(c.Hold())}
}

// UpSeen is when the first good scrape begins, for a target that answers again
// within up.
func (c Config) UpSeen(up Span) Span { return Span{Lo: up.Lo, Hi: up.Hi.Add(c.Scrape)} }

// Resolved is when the alert resolves: [G, G+τ+max(Q,D)+I) after up.
func (c Config) Resolved(up Span) Span {
	g := c.keep()
	return Span{Lo: up.Lo.Add(g), Hi: up.Hi.Add(g + c.Scrape + c.late() + c.Group)}
}

// CertainOutage is the shortest outage that is sure to fire the alert,
// τ·ceil((F+I+D)/τ).
func (c Config) CertainOutage() time.Duration {
	return ceil(c.Hold()+c.Group+c.ScrapeTimeout, c.Scrape)
}

// Chance is whether an outage fires the alert.
type Chance uint8

// The chances, by formula: with n = ceil(L/τ) failed scrapes at most and
// floor(L/τ) at least, impossible if nτ+D ≤ F, certain if nτ ≥ F+I+D.
const (
	Possible Chance = iota
	Certain
	Impossible
)

// Judge says whether an outage of that length fires the alert.
func (c Config) Judge(outage time.Duration) Chance {
	switch {
	case ceil(outage, c.Scrape)+c.ScrapeTimeout <= c.Hold():
		return Impossible
	case outage/c.Scrape*c.Scrape >= c.Hold()+c.Group+c.ScrapeTimeout:
		return Certain
	}
	return Possible
}

// Explain is the arithmetic in words, for an outage of that length.
func (c Config) Explain(outage time.Duration) string {
	text := fmt.Sprintf("for %s is %s at an evaluation every %s; with a scrape every %s (timeout %s) the alert fires %s to %s after the stop, and %s of outage are needed to be sure",
		c.For, c.Hold(), c.Group, c.Scrape, c.ScrapeTimeout,
		max(c.Hold()-c.ScrapeTimeout, 0), c.Hold()+c.Scrape+c.late()+c.Group, c.CertainOutage())
	switch c.Judge(outage) {
	case Impossible:
		return text + fmt.Sprintf(": %s can never fire it", outage)
	case Possible:
		return text + fmt.Sprintf(": %s fires it only with luck", outage)
	default:
		return text
	}
}
