//go:build integration && linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aetherlink/aether/internal/realworld"
)

// TestRealClocks drills with the clocks of productions. The first is that of the
// drill that was once done by hand; where AETHER_ARTIFACTS names a folder its
// report is kept there.
func TestRealClocks(t *testing.T) {
	t.Parallel()
	c := newCity(t, realworld.KafkaOptions{RebalanceDelay: 3 * time.Second})
	for _, row := range []struct {
		name                  string
		scrape, evaluate, For time.Duration
	}{
		{"15s 15s 2m", 15 * time.Second, 15 * time.Second, 2 * time.Minute},
		{"15s 30s 2m", 15 * time.Second, 30 * time.Second, 2 * time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := c.site(t, siteOptions{prom: realworld.PrometheusOptions{Scrape: row.scrape, Evaluate: row.evaluate, For: row.For}})
			d := startDrill(t, s.spec(t))
			if code := d.waitFor(t, 9*time.Minute); code != exitPass {
				t.Errorf("exit code %d; it said:\n%s", code, d.said())
			}
			s.wantBack(t, d)
			report, err := os.ReadFile(filepath.Join(d.outDir, reportName))
			if err != nil || !bytes.Contains(report, []byte("PASS")) {
				t.Errorf("report: %v\n%s", err, report)
			}
			if dir := os.Getenv("AETHER_ARTIFACTS"); dir != "" {
				if err := os.WriteFile(filepath.Join(dir, s.name+"-"+reportName), report, 0o644); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
