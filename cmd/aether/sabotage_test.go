//go:build integration

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aetherlink/aether/drill"
)

// TestSabotage drills a service that lies: each lie has to turn its own check
// red, and the event has to be named. The same service without a lie passes.
func TestSabotage(t *testing.T) {
	for _, c := range []struct {
		mode string
		red  string // the check
		kind string // of the exception that names the event; "" for none
	}{
		{mode: "untouched"},
		{mode: "lose", red: "delivery.no_loss", kind: "lost"},
		{mode: "tail", red: "delivery.no_loss", kind: "lost"},
		{mode: "repeat", red: "delivery.duplicates", kind: "repeated"},
		{mode: "swap", red: "delivery.order", kind: "out_of_order"},
		{mode: "alter", red: "delivery.content", kind: "corrupt"},
		{mode: "never", red: "recovery.first_event"},
		{mode: "forget", red: "delivery.no_loss", kind: "lost"},
		{mode: "overcount", red: "counter.exact"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			code, r := drillOf(t, c.mode)
			if c.red == "" {
				if code != exitPass || r.Verdict != drill.Pass {
					t.Fatalf("exit code %d, verdict %s: %s", code, r.Verdict, r.Reason)
				}
				return
			}
			if code != exitFail || r.Verdict != drill.Fail {
				t.Errorf("exit code %d, verdict %s: %s", code, r.Verdict, r.Reason)
			}
			var red []string
			for _, f := range r.Checks {
				if f.Verdict == drill.Fail {
					red = append(red, f.Check)
				}
			}
			if !slices.Equal(red, []string{c.red}) {
				t.Errorf("red are %v, want %s alone", red, c.red)
			}
			if c.kind != "" {
				wantNamed(t, c.mode, c.kind, r.Ledger)
			}
		})
	}
}

// wantNamed: the exception is the event that was lied about, and no other.
func wantNamed(t *testing.T, mode, kind string, l drill.Ledger) {
	t.Helper()
	seq := map[string]int64{"tail": lastSeq}[mode]
	if seq == 0 {
		seq = targetSeq
	}
	var named []int64
	for _, e := range l.Exceptions {
		if e.Kind == kind && e.Seq != nil {
			named = append(named, *e.Seq)
		}
	}
	if mode == "forget" {
		if l.Lost != 200 {
			t.Errorf("%d lost, want 200", l.Lost)
		}
		return
	}
	if !slices.Equal(named, []int64{seq}) {
		t.Errorf("%s are %v, want %d alone: %+v", kind, named, seq, l.Exceptions)
	}
}

func drillOf(t *testing.T, mode string) (code int, r drill.Result) {
	t.Helper()
	dir := t.TempDir()
	spec := fmt.Sprintf(`version: 1
name: sabotage-%s
embedded: {}
target: {process: {command: [saboteur, %s, %q]}}
give_up: {baseline: 30s, first_event: 6s, drain: 20s, settle: 30s}
`, mode, mode, filepath.Join(dir, "started"))
	path, out := filepath.Join(dir, "drill.yaml"), filepath.Join(dir, "out")
	if err := os.WriteFile(path, []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDrill(t, path, "--out", out)
	code = d.wait(t)
	if testing.Verbose() {
		t.Log(d.said())
	}
	return code, d.result(t)
}
