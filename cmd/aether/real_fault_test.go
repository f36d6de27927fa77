//go:build integration && linux

package main

import (
	"testing"

	"github.com/aetherlink/aether/internal/realworld"
)

// TestRealFaults lets fail what the drill stands on.
func TestRealFaults(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(*testing.T, *city, *site){
		// nothing is lost, and the drill waits until Kafka answers again
		"the broker restarts in the drain": func(t *testing.T, c *city, s *site) {
			d := startDrill(t, s.spec(t))
			d.until(t, "s  recover")
			c.broker.Kill()
			c.broker.Start()
			d.wantCode(t, exitPass)
			s.wantBack(t, d)
		},
		// the engine is asked again until it answers
		"the engine is away when the target is to be put back": func(t *testing.T, c *city, s *site) {
			d := startDrill(t, s.spec(t))
			d.until(t, "alert is pending")
			c.engine.Stop()
			d.until(t, "target not restored yet")
			c.engine.Start()
			d.wantCode(t, exitPass)
			s.wantBack(t, d)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCity(t, realworld.KafkaOptions{})
			run(t, c, c.site(t, siteOptions{}))
		})
	}
}
