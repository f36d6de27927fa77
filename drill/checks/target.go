package checks

import (
	"fmt"
	"time"

	"github.com/aetherlink/aether/drill"
)

// Kinds of intents whose targets tell times in a way of their own.
const (
	kindDocker = "docker" // on the engine's clock
	kindExec   = "exec"   // not at all
)

// targetTime puts what the target says of itself on the runner's clock, to ±err.
type targetTime struct {
	offset, err time.Duration
	none        bool // the target tells no times
}

// targetTimeOf gives the line of the clock too; 0 where no clock is needed.
func targetTimeOf(f *drill.Facts) (t targetTime, line int, missing string) {
	if f.Intent == nil {
		return t, 0, "the intent was not recorded"
	}
	switch f.Intent.V.Kind {
	case kindExec:
		return targetTime{none: true}, 0, ""
	case kindDocker:
		c, ok := f.ClockOf(kindDocker)
		if !ok {
			return t, 0, "the clock of the engine was not read"
		}
		return targetTime{offset: c.V.Offset.D(), err: c.V.Error.D()}, c.Line, ""
	}
	return t, 0, ""
}

// since is how long after an instant of the runner's clock the target's own
// time was, at least and at most.
func (t targetTime) since(from, at time.Time) (least, most time.Duration) {
	d := at.Add(-t.offset).Sub(from)
	return d - t.err, d + t.err
}

func targetStopped() drill.Check {
	return drill.Check{
		ID: idStopped, About: "the target ran, and was stopped by the drill",
		Usual: "something else stopped or restarted the target, or it ignores the stop",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("running before the stop call, ended by it")
			call, before, down := f.Call(drill.OpStop), f.TargetBefore(), f.TargetDown()
			if call == nil || before == nil || down == nil {
				return r.missing("the target's state was not read before and after the stop")
			}
			clock, line, missing := targetTimeOf(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			r.uses(before.Line, call.Line, down.Line, line)
			switch {
			case call.V.Error != "":
				return r.fail("stop failed", "the stop call failed: %s", call.V.Error)
			case !before.V.Running:
				return r.fail("not running", "the target was not running before the stop")
			case down.V.Running && f.Call(drill.OpStart) == nil:
				return r.undecided("running", "the target runs, and no start call is recorded: who started it is not known")
			case down.V.Running:
				return r.fail("still running", "the target runs although the stop call returned")
			case clock.none:
				return r.pass("running %s before the stop call, stopped when it returned after %s", call.V.From.Sub(before.Time).Round(time.Millisecond), call.V.To.Sub(call.V.From).Round(time.Millisecond))
			}
			return r.stoppedAt(clock, call.V, before.V, down.V)
		},
	}
}

// stoppedAt holds the end that the target tells of against the stop call.
func (r *ruling) stoppedAt(clock targetTime, call drill.Call, before, down drill.TargetState) drill.Finding {
	least, most := clock.since(call.From, down.Finished)
	switch {
	case !down.Started.Equal(before.Started):
		return r.fail("restarted", "between the two looks the target was started by something else, at %s", down.Started.Format(time.RFC3339))
	case down.Finished.IsZero():
		return r.undecided("down", "when the target ended is not known")
	case most < 0:
		return r.fail("ended earlier", "the target ended %s before it was stopped", (-most).Round(time.Millisecond))
	case least < 0:
		return r.undecided("ended at the call", "the clocks are known to ±%s only, which does not tell whether the target ended before the stop call", clock.err)
	}
	return r.pass("%s, %s after the stop call", ending(down), ((least + most) / 2).Round(time.Millisecond))
}

func ending(s drill.TargetState) string {
	switch {
	case s.Exit != nil:
		return fmt.Sprintf("ended with exit code %d", *s.Exit)
	case s.Signal != "":
		return "ended by signal " + s.Signal
	}
	return "ended"
}

func targetRestarted() drill.Check {
	return drill.Check{
		ID: idRestarted, About: "the same target runs again, started once, after the stop", Needs: []string{idStopped},
		Usual: "the target was replaced, started by something else, or keeps ending by itself",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("the same id and image, started by the start call, restart count unchanged")
			call, before, after := f.Call(drill.OpStart), f.TargetDown(), f.TargetAfter()
			if call == nil || before == nil || after == nil {
				return r.missing("the target's state was not read after the start")
			}
			clock, line, missing := targetTimeOf(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			r.uses(before.Line, call.Line, after.Line, line)
			a, b := after.V, before.V
			switch {
			case call.V.Error != "":
				return r.fail("start failed", "the start call failed: %s", call.V.Error)
			case !a.Running:
				return r.fail("not running", "the target does not run: it %s", ending(a))
			case a.ID != b.ID || a.Image != b.Image:
				return r.fail("another target", "id or image differ: %s %s, now %s %s", b.ID, b.Image, a.ID, a.Image)
			case a.Restarts != b.Restarts:
				return r.fail("restarted by itself", "the restart count went from %d to %d", b.Restarts, a.Restarts)
			case clock.none:
				r.expected = "stopped before the start call, running after it"
				return r.pass("running again; commands tell neither its id nor when it started")
			}
			return r.startedAt(clock, f, call)
		},
	}
}

// startedAt holds the start that the target tells of against the start call.
func (r *ruling) startedAt(clock targetTime, f *drill.Facts, call *drill.At[drill.Call]) drill.Finding {
	a, b := f.TargetAfter().V, f.TargetDown().V
	least, most := clock.since(call.V.From, a.Started)
	switch {
	case most < 0:
		return r.fail("started by something else", "it was started %s before the drill's start call", (-most).Round(time.Millisecond))
	case least < 0:
		return r.undecided("started at the call", "the clocks are known to ±%s only, which does not tell whether it was started before the start call", clock.err)
	}
	for _, t := range f.Targets {
		if t.Line > call.Line && !t.V.Started.Equal(a.Started) {
			r.uses(t.Line)
			return r.fail("started more than once", "it was started at %s and again at %s", t.V.Started.Format(time.RFC3339Nano), a.Started.Format(time.RFC3339Nano))
		}
	}
	return r.pass("the same id and image, down for %s", a.Started.Sub(b.Finished).Round(10*time.Millisecond))
}
