package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/aetherlink/aether/drill"
)

// run is one drill under way.
type run struct {
	Options
	tape   *Tape
	eyes   *witnesses
	hasher drill.Hasher
	show   *show

	found  Container     // the target, where it is shared
	loud   []quietServer // who would be paged
	kept   *drill.Intent // beside a shared target
	intent drill.Intent  // of the stop, once that may have been called
	put    sync.Once     // the target back where it was
	putErr error
}

// errRefused ends a run before its fault. The reasons are on the tape.
var errRefused = errors.New("the drill was refused")

// Run drills. The error says that no result could be made at all; everything
// that was learned, a failure of the drill itself included, is in the result.
// When ctx ends, its cause names the signal; the target is put back first.
func Run(ctx context.Context, o Options) (result drill.Result, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &run{Options: o, tape: NewTape(o.Out), hasher: drill.NewHasher()}
	if err := r.tape.Put(drill.Record{Run: &o.Info}); err != nil {
		return drill.Result{}, err
	}
	r.show = startShow(r)
	defer r.show.close()
	eyes, err := openWitnesses(ctx, r)
	if err != nil {
		err = r.failed(drill.StagePreflight, err)
	} else {
		r.eyes = eyes
		r.stages(ctx)
		eyes.close()
	}
	return r.finish(err)
}

// finish judges what the tape holds.
func (r *run) finish(err error) (result drill.Result, _ error) {
	info := r.tape.info()
	r.tape.View(func(f *drill.Facts) { result = drill.NewResult(f, info, r.Checks) })
	r.show.final(&result)
	return result, err
}

// stage is one step of a drill. An error ends the drill; a goal that was not
// reached is a reason, and the drill goes on.
type stage struct {
	name string
	run  func(context.Context) (shortfall string, err error)
}

func (r *run) list() []stage {
	return []stage{
		{drill.StagePreflight, r.preflight}, // reads, refuses
		{drill.StageBaseline, r.baseline},   // steady state, else refuses
		{drill.StageFault, r.fault},         // intent first, then stop
		{drill.StageBacklog, r.backlog},     // produce, read back: what is owed
		{drill.StageHold, r.hold},           // until the alert has fired
		{drill.StageRecover, r.recover},     // put the target back
		{drill.StageDrain, r.drain},         // until every owed event was seen
		{drill.StageSettle, r.settle},       // steady state again
	}
}

// stages runs them in order. Whatever happens, the target is put back.
func (r *run) stages(ctx context.Context) {
	current := ""
	defer func() {
		if p := recover(); p != nil {
			_ = r.restore(ctx)
			r.release(ctx)
			r.unsilence(ctx)
			_ = r.failed(current, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			panic(p)
		}
		_ = r.restore(ctx) // its failure is on the tape
		r.release(ctx)
		r.unsilence(ctx)
	}()
	for _, s := range r.list() {
		current = s.name
		if err := r.stage(ctx, s); err != nil {
			r.ended(ctx, s.name, err)
			return
		}
	}
}

func (r *run) stage(ctx context.Context, s stage) error {
	if err := r.tape.Put(drill.Record{Stage: &drill.StageMark{Name: s.name}}); err != nil {
		return err
	}
	short, err := s.run(ctx)
	if err == nil {
		err = ctx.Err()
	}
	switch {
	case short != "":
	case errors.Is(err, errRefused):
		short = "refused"
	case err != nil:
		short = "ended early"
	}
	return errors.Join(err, r.tape.Put(drill.Record{Stage: &drill.StageMark{Name: s.name, Done: true, Reason: short}}))
}

// ended says on the tape why the stages ended early.
func (r *run) ended(ctx context.Context, stage string, err error) {
	switch {
	case ctx.Err() != nil:
		_ = r.tape.Put(drill.Record{Interrupted: &drill.Interrupted{Signal: context.Cause(ctx).Error()}})
	case errors.Is(err, errRefused):
	case r.intent.Kind == "" && !errors.Is(err, ErrTape): // nothing was done yet
		r.refuse(refuseWorld, err.Error())
	default:
		_ = r.failed(stage, err)
	}
}

func (r *run) failed(stage string, err error) error {
	r.Log.Error("drill failed", "stage", stage, "err", err)
	return r.tape.Put(drill.Record{Failure: &drill.Failure{Stage: stage, Reason: err.Error()}})
}

// restore puts the target back once, if a fault was begun. It does not end
// with ctx: no signal abandons it.
func (r *run) restore(ctx context.Context) error {
	if r.intent.Kind == "" {
		return nil
	}
	r.put.Do(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreLimit)
		defer cancel()
		if r.putErr = r.tryRestore(ctx); r.putErr == nil {
			r.show.undo("")
		}
		if state, err := r.World.Target.State(ctx); err == nil {
			_ = r.tape.Put(drill.Record{Target: &state})
		}
	})
	return r.putErr
}

func (r *run) tryRestore(ctx context.Context) error {
	return restoreUntil(ctx, r.World.Target, r.intent, func(c drill.Call) {
		_ = r.tape.Put(drill.Record{Call: &c})
		if c.Error != "" {
			r.Log.Error("target not restored yet", "target", r.intent.Target, "err", c.Error, "by_hand", r.intent.Undo)
		}
	})
}

// pause waits; it returns ctx's error if that ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// until waits for a fact, at most limit. reached is false when the time is up.
func (r *run) until(ctx context.Context, limit time.Duration, ok func(*drill.Facts) bool) (reached bool, err error) {
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = r.tape.Until(within, ok)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return false, nil
	}
	return err == nil, err
}

// RefusalIDs is every reason for which a drill may be refused, and what an
// operator may override by name.
func RefusalIDs() []string {
	return []string{
		refuseTarget, refuseDown, refuseOptIn, refuseDenied, refuseManaged, refuseGoes, refuseLocked, refuseOther,
		refuseScrape, refuseScrapes, refuseTopic, refuseCompacted, refuseReplicas, refuseGroup, refuseMembers, refuseOthers, refuseRule,
		refuseUnhealthy, refuseActive, refuseVanishes, refuseCounter, refuseShort, refuseLong, refusePaging, refuseBaseline, refuseWorld,
	}
}

// KnownRefusal says whether id is one of RefusalIDs.
func KnownRefusal(id string) bool { return slices.Contains(RefusalIDs(), id) }
