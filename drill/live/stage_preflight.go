package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/promcheck/window"
)

// preflightLimit bounds all of preflight, whose waits have bounds of their own.
const preflightLimit = 5 * time.Minute

// preflight connects the witnesses, reads the world, and refuses a drill that
// could not prove anything or is not safe.
func (r *run) preflight(ctx context.Context) (string, error) {
	limit, cancel := context.WithTimeout(ctx, preflightLimit)
	defer cancel()
	if err := r.vetTarget(limit); err != nil {
		return "", err
	}
	if err := r.eyes.watchWorld(limit, r); err != nil {
		return "", err
	}
	if err := r.readRule(limit); err != nil && !errors.Is(err, errRefused) {
		return "", err
	}
	if err := r.awaitGauge(limit); err != nil {
		return "", err
	}
	r.eyes.watchStream(r)
	r.show.note("the stream")
	open, err := r.until(ctx, r.Spec.GiveUp.Baseline.D(), streamOpen)
	if err != nil {
		return "", err
	}
	if !open {
		r.refuse(refuseBaseline, fmt.Sprintf("the stream %s did not open within %s", r.streamURL(), r.Spec.GiveUp.Baseline))
	}
	r.refuseTopic(limit)
	r.refuseGroup(limit)
	r.refuseOutage()
	r.vetIdentity()
	if err := r.refusePaging(limit); err != nil {
		return "", err
	}
	if err := r.refused(); err != nil {
		return "", err
	}
	if err := r.lock(limit); err != nil {
		return "", err
	}
	return "", r.silence(limit)
}

// awaitGauge waits for the client gauge as it was before the witness comes, as
// long as two scrapes may take; a service without the gauge has none.
func (r *run) awaitGauge(ctx context.Context) error {
	r.show.note("a first scrape")
	_, err := r.until(ctx, r.eyes.scrape*2+time.Second, func(f *drill.Facts) bool {
		p, _, ok := f.Series("up").Last()
		_, _, gauge := f.Series(seriesClients).Last()
		return ok && p.Value == 1 && gauge
	})
	return err
}

func streamOpen(f *drill.Facts) bool {
	return len(f.Streams) > 0 && f.Streams[len(f.Streams)-1].V.Open
}

// baseline is the steady state: without it nothing that follows would mean
// anything, so a drill that does not reach it is refused.
func (r *run) baseline(ctx context.Context) (string, error) {
	giveUp := r.baselineLimit()
	limit, cancel := context.WithTimeoutCause(ctx, giveUp, errBaseline)
	defer cancel()
	waiting, err := r.steady(limit)
	if context.Cause(limit) == errBaseline {
		r.refuse(refuseBaseline, fmt.Sprintf("%s: not within %s", waiting, giveUp))
		return "not reached", r.refused()
	}
	return "", err
}

// baselineLimit is give_up.baseline, or longer where the server's own clock is
// so slow that the steady state could not show in that time.
func (r *run) baselineLimit() time.Duration {
	limit := r.Spec.GiveUp.Baseline.D()
	r.tape.View(func(f *drill.Facts) {
		if rule := f.Rule(); rule != nil {
			limit = max(limit, 3*rule.V.Interval.D()+4*rule.V.Scrape.D())
		}
	})
	return limit
}

var errBaseline = fmt.Errorf("baseline: %w", context.DeadlineExceeded)

func (r *run) steady(ctx context.Context) (waiting string, err error) {
	began := time.Now()
	r.show.note("one event per partition seen and committed")
	if err := r.canaries(ctx); err != nil {
		return "an event in every partition, seen on the stream and committed", err
	}
	r.show.note("two scrapes that succeed, two evaluations without the alert")
	err = r.tape.Until(ctx, func(f *drill.Facts) bool {
		rule := f.Rule()
		if rule == nil {
			return false
		}
		up, _ := f.Series("up").Between(promTime(f, began), promTime(f, time.Now().Add(time.Minute)))
		looked := f.Alerts("firing").To.After(promTime(f, began).Add(2 * rule.V.Interval.D()))
		return len(up) >= 2 && up[len(up)-1].Value == 1 && up[len(up)-2].Value == 1 && looked && inactive(f, rule.V)
	})
	if err != nil {
		return "the target up and the alert inactive", err
	}
	return "a scrape of the target's series", r.decideChecks(ctx)
}

// canaries sends one event to every partition and waits until each was seen
// and committed.
func (r *run) canaries(ctx context.Context) error {
	sent, err := r.sendCanaries(ctx)
	if err != nil {
		return err
	}
	if err := r.tape.Put(drill.Record{Canary: &sent}); err != nil {
		return err
	}
	next := make([]int64, len(sent.Offsets))
	for p, o := range sent.Offsets {
		next[p] = o + 1
	}
	return r.tape.Until(ctx, func(f *drill.Facts) bool { return reached(f.Heads(), next) && f.CommittedTo(next) })
}

// window is the alert's timing as the running server has it.
func alertWindow(rule drill.Rule) window.Config {
	return window.Config{
		Scrape: rule.Scrape.D(), ScrapeTimeout: rule.ScrapeTimeout.D(), Group: rule.Interval.D(),
		For: rule.For.D(), KeepFiring: rule.KeepFiring.D(), QueryOffset: rule.QueryOffset.D(),
	}
}

// visible is how long after an evaluation its result may be seen by a witness.
const visible = 3 * time.Second

// fireBy is the latest moment at which the alert may be seen firing.
func (r *run) fireBy() (by time.Time) {
	r.tape.View(func(f *drill.Facts) {
		rule, stop := f.Rule(), f.Call(drill.OpStop)
		if rule == nil || stop == nil {
			return
		}
		by = alertWindow(rule.V).Firing(window.Span{Lo: stop.V.From, Hi: stop.V.To}).Hi.Add(visible)
	})
	return by
}
