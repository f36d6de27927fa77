package checks

import (
	"fmt"
	"time"

	"github.com/aetherlink/aether/drill"
)

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
			r.uses(before.Line, call.Line, down.Line)
			switch {
			case call.V.Error != "":
				return r.fail("stop failed", "the stop call failed: %s", call.V.Error)
			case !before.V.Running:
				return r.fail("not running", "the target was not running before the stop")
			case down.V.Running && f.Call(drill.OpStart) == nil:
				return r.undecided("running", "the target runs, and no start call is recorded: who started it is not known")
			case down.V.Running:
				return r.fail("still running", "the target runs although the stop call returned")
			case !down.V.Started.Equal(before.V.Started):
				return r.fail("restarted", "between the two looks the target was started by something else, at %s", down.V.Started.Format(time.RFC3339))
			case down.V.Finished.IsZero():
				return r.undecided("down", "when the target ended is not known")
			case down.V.Finished.Before(call.V.From):
				return r.fail("ended earlier", "the target ended %s before it was stopped", call.V.From.Sub(down.V.Finished).Round(time.Millisecond))
			}
			return r.pass("%s, %s after the stop call", ending(down.V), down.V.Finished.Sub(call.V.From).Round(time.Millisecond))
		},
	}
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
			r.uses(before.Line, call.Line, after.Line)
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
			case a.Started.Before(call.V.From):
				return r.fail("started by something else", "it was started %s before the drill's start call", call.V.From.Sub(a.Started).Round(time.Millisecond))
			}
			for _, t := range f.Targets {
				if t.Line > call.Line && !t.V.Started.Equal(a.Started) {
					r.uses(t.Line)
					return r.fail("started more than once", "it was started at %s and again at %s", t.V.Started.Format(time.RFC3339Nano), a.Started.Format(time.RFC3339Nano))
				}
			}
			return r.pass("the same id and image, down for %s", a.Started.Sub(b.Finished).Round(10*time.Millisecond))
		},
	}
}
