package embedded

import (
	"log/slog"
	"time"
)

// Config is what a stack is made of.
type Config struct {
	Dir                   string // a fresh folder; the caller removes it
	Topic, Group          string
	Partitions            int
	Scrape, Evaluate, For time.Duration
	Alert                 string // the drilled alert, whose `for` is replaced
	Log                   *slog.Logger
}
