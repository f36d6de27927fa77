package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aetherlink/aether/drill"
)

// plan is the intent of this run's stop.
func (r *run) plan(ctx context.Context) (drill.Intent, error) {
	intent, err := r.World.Target.Plan(ctx)
	if err != nil {
		return drill.Intent{}, fmt.Errorf("plan the stop: %w", err)
	}
	intent.Drill = r.Info.ID
	intent.Deadline = time.Now().UTC().Add(r.Spec.GiveUp.Baseline.D() + r.Spec.Outage.Max.D() + restoreLimit)
	return intent, nil
}

// stopLimit is how long a stop may take beyond what the target itself allows.
const stopLimit = 5 * time.Minute

// fault writes down what it is about to do, and only then does it.
func (r *run) fault(ctx context.Context) (string, error) {
	intent, err := r.plan(ctx)
	if err != nil {
		return "", err
	}
	if r.kept != nil && intent.ID != r.kept.ID {
		return "", fmt.Errorf("%s is another container than in preflight: somebody replaced it", intent.Target)
	}
	state, err := r.World.Target.State(ctx)
	if err != nil {
		return "", fmt.Errorf("read the target's state: %w", err)
	}
	if err := r.tape.Put(drill.Record{Target: &state}); err != nil {
		return "", err
	}
	if err := r.tape.Put(drill.Record{Intent: &intent}); err != nil {
		return "", err // not written down: not done
	}
	if r.Watchdog != nil {
		if err := r.Watchdog.Arm(intent); err != nil {
			return "", err // nobody would put it back: not done
		}
	}
	r.intent = intent
	r.show.undo(intent.Undo)
	if err := r.stop(ctx, intent); err != nil {
		return "", err
	}
	return "", r.putState(ctx)
}

// stop is not abandoned when the run is ended: a stop that is under way would
// go on behind the back of the restore.
func (r *run) stop(ctx context.Context, intent drill.Intent) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	call := &drill.Call{Op: drill.OpStop, From: time.Now().UTC()}
	err := r.World.Target.Stop(ctx, intent)
	call.To = time.Now().UTC()
	if err != nil {
		call.Error = err.Error()
		err = fmt.Errorf("stop %s: %w", intent.Target, err)
	}
	return errors.Join(r.tape.Put(drill.Record{Call: call}), err)
}

func (r *run) putState(ctx context.Context) error {
	state, err := r.World.Target.State(ctx)
	if err != nil {
		return r.tape.Put(drill.Record{Blind: &drill.Blind{Witness: "target", From: time.Now().UTC(), To: time.Now().UTC(), Reason: err.Error()}})
	}
	return r.tape.Put(drill.Record{Target: &state})
}

// backlog produces, then reads the log back: what is in it is what is owed.
func (r *run) backlog(ctx context.Context) (string, error) {
	if _, err := r.until(ctx, 5*time.Second, streamClosed); err != nil {
		return "", err
	}
	var from []int64
	var stopped time.Time
	r.tape.View(func(f *drill.Facts) { from, stopped = append(from, f.Heads()...), f.Call(drill.OpStop).V.From })
	limit, cancel := context.WithDeadlineCause(ctx, stopped.Add(r.Spec.Outage.Max.D()), errOutageMax)
	defer cancel()
	produced, err := r.produce(limit)
	if err != nil && context.Cause(limit) == errOutageMax {
		err = fmt.Errorf("%w: the backlog was not produced within outage.max %s", err, r.Spec.Outage.Max)
	}
	if err != nil {
		return "", err
	}
	if err := r.tape.Put(drill.Record{Produced: &produced}); err != nil {
		return "", err
	}
	owed, hashes, err := r.readOwed(ctx, from)
	if err != nil {
		owed.Error = err.Error()
		return "the log could not be read back", r.tape.Put(drill.Record{Owed: &owed})
	}
	r.eyes.stream.Expect(owed, hashes)
	return "", r.tape.Put(drill.Record{Owed: &owed})
}

var errOutageMax = errors.New("outage.max is over")

// hold keeps the outage up until the alert has fired, or for the time asked.
func (r *run) hold(ctx context.Context) (string, error) {
	var stopped time.Time
	r.tape.View(func(f *drill.Facts) { stopped = f.Call(drill.OpStop).V.From })
	if d := r.Spec.Outage.Hold.D(); d > 0 {
		r.show.note("the end of the outage")
		return "", pause(ctx, time.Until(stopped.Add(d)))
	}
	r.show.note("Prometheus to say firing")
	limit := min(time.Until(r.fireBy()), time.Until(stopped.Add(r.Spec.Outage.Max.D())))
	fired, err := r.until(ctx, limit, func(f *drill.Facts) bool { return firing(f, stopped) })
	if err != nil || fired {
		return "", err
	}
	return fmt.Sprintf("the alert did not fire within %s, the latest it may", time.Since(stopped).Round(time.Second)), nil
}

// recover starts the target again.
func (r *run) recover(ctx context.Context) (string, error) { return "", r.restore(ctx) }

func streamClosed(f *drill.Facts) bool {
	return len(f.Streams) > 0 && !f.Streams[len(f.Streams)-1].V.Open
}

// firing: a sample of ALERTS says so, later than since by the runner's clock.
func firing(f *drill.Facts, since time.Time) bool {
	p, _, ok := f.Alerts("firing").Last()
	return ok && p.At.After(promTime(f, since))
}

// promTime puts an instant of the runner's clock on Prometheus's.
func promTime(f *drill.Facts, t time.Time) time.Time {
	c, _ := f.ClockOf(clockPrometheus)
	return t.Add(c.V.Offset.D())
}
