package live

import (
	"context"
	"fmt"
	"time"

	"github.com/aetherlink/aether/drill"
)

// quiet is how long nothing may arrive, once stream and commits are past every
// owed event, before what is missing is given up.
const quiet = 10 * time.Second

// drain waits until every owed event was seen and every commit has reached its
// target, and looks again at the log for what was not.
func (r *run) drain(ctx context.Context) (string, error) {
	short, err := r.waitDrained(ctx)
	if err != nil || short == "" {
		return short, err
	}
	return short, r.lookAgain(ctx)
}

func (r *run) waitDrained(ctx context.Context) (string, error) {
	known := false
	r.tape.View(func(f *drill.Facts) { known = f.OwedCount() > 0 })
	if !known {
		return "it is not known what is owed", nil
	}
	r.show.note("the first owed event")
	first, err := r.until(ctx, r.Spec.GiveUp.FirstEvent.D(), func(f *drill.Facts) bool { return f.FirstOwed() != nil })
	if err != nil {
		return "", err
	}
	if !first {
		return fmt.Sprintf("no owed event within %s", r.Spec.GiveUp.FirstEvent), nil
	}
	r.show.note("every owed event, and the commits")
	ctx, cancel := context.WithTimeout(ctx, r.Spec.GiveUp.Drain.D())
	defer cancel()
	for {
		next, again := r.watchDrain()
		if next == drained {
			return "", nil
		}
		if next == stuck {
			return fmt.Sprintf("stream and commits are past every owed event, and nothing arrived for %s", quiet), nil
		}
		if err := r.changedOr(ctx, again); err != nil {
			if context.Cause(ctx) == context.DeadlineExceeded {
				return fmt.Sprintf("not drained within %s", r.Spec.GiveUp.Drain), nil
			}
			return "", err
		}
	}
}

type drainState int

const (
	draining drainState = iota
	drained
	stuck
)

// watchDrain looks at the drain; again is when to look without any news.
func (r *run) watchDrain() (s drainState, again time.Duration) {
	r.tape.View(func(f *drill.Facts) {
		target := f.Owed.V.To
		past := f.CommittedTo(target) && reached(f.Heads(), target)
		idle := time.Since(f.Seen[len(f.Seen)-1].V.Last)
		switch {
		case f.SeenOwed() == f.OwedCount() && f.CommittedTo(target):
			s = drained
		case past && idle >= quiet:
			s = stuck
		}
		again = max(quiet-idle, 100*time.Millisecond)
	})
	return s, again
}

func reached(heads, target []int64) bool {
	for p, t := range target {
		if p >= len(heads) || heads[p] < t {
			return false
		}
	}
	return true
}

// changedOr returns at the next record or after d.
func (r *run) changedOr(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-r.tape.Changed():
		return nil
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle waits for the steady state, then lets the witness leave and sees it go.
func (r *run) settle(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Spec.GiveUp.Settle.D(), errSettle)
	defer cancel()
	short, err := r.settled(ctx)
	if context.Cause(ctx) == errSettle {
		return fmt.Sprintf("%s not within %s", short, r.Spec.GiveUp.Settle), nil
	}
	return "", err
}

var errSettle = fmt.Errorf("settle: %w", context.DeadlineExceeded)

// settled names what it waits for when it ends early.
func (r *run) settled(ctx context.Context) (waiting string, err error) {
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"the alert resolved, the target up", r.awaitResolved},
		{"steady state again", r.canaries},
		{"a last scrape of the counter", r.awaitScrape},
		{"the stream's end seen by Prometheus", r.leave},
		{"the rule read again", r.readRule},
		{"the target's state", r.putState},
	}
	for _, s := range steps {
		r.show.note(s.what)
		if err := s.do(ctx); err != nil {
			return s.what, err
		}
	}
	return "", nil
}

func (r *run) awaitResolved(ctx context.Context) error {
	return r.tape.Until(ctx, func(f *drill.Facts) bool {
		start, rule := f.Call(drill.OpStart), f.Rule()
		if start == nil || rule == nil {
			return true
		}
		up, _, ok := f.Series("up").Last()
		return ok && up.Value == 1 && up.At.After(promTime(f, start.V.From)) && inactive(f, rule.V)
	})
}

// inactive: Prometheus was looked at for two evaluations after the last sample
// of the alert.
func inactive(f *drill.Facts, rule drill.Rule) bool {
	for _, state := range []string{"pending", "firing"} {
		s := f.Alerts(state)
		last, _, ok := s.Last()
		if s.Looked() == 0 || ok && s.To.Before(last.At.Add(2*rule.Interval.D())) {
			return false
		}
	}
	return true
}

// awaitScrape waits for a scrape between two looks at Kafka that found the same.
func (r *run) awaitScrape(ctx context.Context) error {
	from := time.Now()
	return r.tape.Until(ctx, func(f *drill.Facts) bool {
		p, _, ok := f.Series("up").Last()
		last := f.LastOffsets()
		return ok && last != nil && p.At.After(promTime(f, from)) && promTime(f, last.V.Asked).After(p.At)
	})
}

// noticed is how long a service may take to notice that a client has gone; a
// scrape sooner than that tells nothing.
const noticed = 100 * time.Millisecond

// leave closes the stream and waits for a scrape that can know it.
func (r *run) leave(ctx context.Context) error {
	if err := r.eyes.stopStream(ctx); err != nil {
		return err
	}
	left := time.Now()
	return r.tape.Until(ctx, func(f *drill.Facts) bool {
		p, _, ok := f.Series(seriesClients).Last()
		up, _, seen := f.Series("up").Last()
		after := promTime(f, left).Add(noticed)
		return ok && p.At.After(after) || seen && up.At.After(after.Add(time.Second)) // a service without the gauge
	})
}
