package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aetherlink/aether/drill"
)

// Shared is a target on an engine that others use too. It keeps the intent
// where every runner finds it.
type Shared interface {
	Target
	// About is what is to be known before the target is touched.
	About(context.Context) (Container, error)
	// Clock is the engine's clock against the runner's.
	Clock(context.Context) (drill.Clock, error)
	// Keep puts the intent beside the target. ErrLocked: another one is there.
	Keep(context.Context, drill.Intent) error
	// Kept is every intent on the engine.
	Kept(context.Context) ([]drill.Intent, error)
	// Release takes the intent away; one of another drill stays.
	Release(context.Context, drill.Intent) error
}

// Container is a shared target as it was found.
type Container struct {
	Name, ID, Image, Host string
	Labels                map[string]string
	State                 drill.TargetState
	HostNetwork           bool     // its ports are the host's
	Ports                 []string // published on the host
	Addresses             []string // of its own
	Policy                string   // restart policy
	AutoRemove            bool     // it goes when it stops
}

// Errors of targets.
var (
	ErrGone   = errors.New("the container is gone")
	ErrLocked = errors.New("another drill holds the target")
)

// PutBack restores what an intent describes, from any process, and takes the
// intent away. It may be repeated. report is told of every try.
func PutBack(ctx context.Context, i drill.Intent, report func(drill.Call)) error {
	target, err := targetOf(i)
	if err != nil {
		return err
	}
	if c, ok := target.(interface{ Close() error }); ok {
		defer c.Close()
	}
	return PutBackOn(ctx, target, i, report)
}

// PutBackOn is PutBack where the target is at hand: an intent that was found on
// an engine may name an address of another machine.
func PutBackOn(ctx context.Context, target Target, i drill.Intent, report func(drill.Call)) error {
	ctx, cancel := context.WithTimeout(ctx, restoreLimit)
	defer cancel()
	if err := restoreUntil(ctx, target, i, report); err != nil {
		return err
	}
	if s, ok := target.(Shared); ok {
		return s.Release(ctx, i)
	}
	return nil
}

// releaseAt takes an intent away and touches nothing else.
func releaseAt(ctx context.Context, i drill.Intent) error {
	target, err := targetOf(i)
	if err != nil {
		return err
	}
	if c, ok := target.(interface{ Close() error }); ok {
		defer c.Close()
	}
	ctx, cancel := context.WithTimeout(ctx, restoreLimit)
	defer cancel()
	if s, ok := target.(Shared); ok {
		return s.Release(ctx, i)
	}
	return nil
}

// targetOf is the target of an intent.
func targetOf(i drill.Intent) (Target, error) {
	switch i.Kind {
	case kindDocker:
		var was dockerIntent
		if err := json.Unmarshal(i.Data, &was); err != nil {
			return nil, fmt.Errorf("read intent: %w", err)
		}
		return NewDocker(was.Host, drill.DockerSpec{Container: i.ID, StopTimeout: was.Limit})
	case kindExec:
		var spec drill.ExecSpec
		if err := json.Unmarshal(i.Data, &spec); err != nil {
			return nil, fmt.Errorf("read intent: %w", err)
		}
		return NewExec(spec), nil
	}
	return nil, fmt.Errorf("a target of kind %q ends with its drill: there is nothing to put back", i.Kind)
}

// restoreLimit bounds putting the target back, all tries together.
const restoreLimit = 2 * time.Minute

// restoreUntil tries until the target is back, ctx ends, or nothing can help.
func restoreUntil(ctx context.Context, t Target, i drill.Intent, report func(drill.Call)) error {
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		call := drill.Call{Op: drill.OpStart, From: time.Now().UTC()}
		err := t.Restore(ctx, i)
		call.To = time.Now().UTC()
		if err != nil {
			call.Error = err.Error()
		}
		report(call)
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrGone) || pause(ctx, wait) != nil {
			return fmt.Errorf("put %s back: %w; by hand: %s", i.Target, err, i.Undo)
		}
	}
}

// runner is the process that drills.
type runner struct {
	Host string `json:"host"`
	PID  int    `json:"pid"`
}

func thisRunner() runner {
	host, _ := os.Hostname()
	return runner{Host: host, PID: os.Getpid()}
}

// dead says that the runner is surely gone: of one on another host that is not known.
func (r runner) dead() bool {
	return r.Host != "" && r.Host == thisRunner().Host && !alive(r.PID)
}

// runnerOf is the process whose intent it is; zero where that cannot be read.
func runnerOf(i drill.Intent) runner {
	var was dockerIntent
	_ = json.Unmarshal(i.Data, &was)
	return was.Runner
}

// GoesOn says that the drill of an intent is surely under way: its process
// lives on this machine, and its deadline is not over.
func GoesOn(i drill.Intent) bool {
	r := runnerOf(i)
	return r.Host != "" && r.Host == thisRunner().Host && alive(r.PID) && time.Now().Before(i.Deadline)
}
