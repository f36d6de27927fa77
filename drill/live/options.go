package live

import (
	"log/slog"
	"time"

	"github.com/aetherlink/aether/drill"
)

// Options is what a run is given.
type Options struct {
	World  *World
	Info   drill.RunInfo // who runs what; the spec in Info.Spec is the masked one
	Spec   drill.Spec    // with its secrets
	Allow  []string      // refusals overridden by name, see RefusalIDs
	Checks []drill.Check
	Out    Journal

	Confirm  string // the container's name, said by the operator
	Silence  bool   // keep receivers of the alert in peace
	Watchdog *Guard // armed before the stop; nil where the target ends with the run

	// Progress is told how things stand, at every change and a few times a
	// second in between; nil for nobody. It must not block.
	Progress func(Snapshot)
	Log      *slog.Logger
}

// Snapshot is a run at one moment, for a person who watches.
type Snapshot struct {
	Now     time.Time
	Started time.Time
	Stages  []drill.StageSpan        // begun so far; the last one runs while it has no end
	Expect  map[string]time.Duration // how long a stage takes when all is well; absent: unknown
	Owed    int64                    // events that must be seen
	Seen    int64                    // of those
	Lag     int64                    // newest end offsets less commits, −1: unknown
	Up      string                   // "up", "down", or "" before the first look
	Alert   string                   // "inactive", "pending", "firing", or "" before the first look
	Stream  string                   // "open", "closed"
	FireBy  time.Time                // the latest moment at which the alert may fire; zero while unknown
	Undo    string                   // command that puts the target back, once it is stopped
	Note    string                   // what is waited for
	Final   *drill.Result            // at the very end
}
