package embedded

import (
	"log/slog"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/drill/live"
)

// Options is what a world is opened with.
type Options struct {
	Spec  drill.Spec  // its Embedded part is there
	Dir   string      // a fresh folder; the guard removes it
	Self  string      // the program that "aether" means in target.process.command
	Guard *live.Guard // watches over the service
	Log   *slog.Logger
}
