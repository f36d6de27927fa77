//go:build slim

package embedded

import (
	"context"
	"errors"

	"github.com/aetherlink/aether/drill/live"
)

// World cannot exist in this build.
type World struct{ *live.World }

// Open says that this build has no embedded world.
func Open(context.Context, Options) (*World, error) {
	return nil, errors.New("this build (tag slim) is without the embedded world: name a target, brokers and a Prometheus in the spec, or use the full binary")
}

// Close does nothing.
func (w *World) Close() error { return nil }
