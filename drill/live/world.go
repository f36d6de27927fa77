package live

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/IBM/sarama"

	"github.com/aetherlink/aether/drill"
)

// World is broker, Prometheus and target of one drill. Embedded and real
// worlds differ in how one is built, and nowhere else.
type World struct {
	Kind       string         // "embedded" or "real"
	Brokers    []string       // bootstrap addresses
	Sarama     *sarama.Config // shared by everything that talks to Kafka; nobody changes it
	Prometheus string         // base URL, with its path prefix
	Bridge     string         // base URL of the service under drill
	Target     Target
	Own        bool     // the target is surely our own bridge, which exposes every series
	Notes      []string // what a reader of the report should know of this world
	Log        *slog.Logger

	PrometheusHTTP http.RoundTripper // logs in to Prometheus; nil for none
}

// Target is what is stopped and started: a container, a pair of commands, or a
// local process. Its methods are safe for concurrent use.
type Target interface {
	// Plan says what Stop would do and how it is undone; it changes nothing.
	Plan(context.Context) (drill.Intent, error)
	// Stop returns when the target is down.
	Stop(context.Context, drill.Intent) error
	// Restore starts the target where it is not running. It is idempotent: run,
	// watchdog and recovery all call it.
	Restore(context.Context, drill.Intent) error
	// State is the target as it is now.
	State(context.Context) (drill.TargetState, error)
}
