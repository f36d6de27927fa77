//go:build integration

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aetherlink/aether/drill"
)

func writeSpec(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "drill.yaml")
	if err := os.WriteFile(path, []byte("version: 1\nembedded: {}\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestIntegrationTwoDrillsAtOnce(t *testing.T) {
	t.Parallel()
	a, b := startDrill(t), startDrill(t)
	for _, d := range []*drillProcess{a, b} {
		if code := d.wait(t); code != exitPass {
			t.Errorf("exit code %d; it said:\n%s", code, d.said())
		}
		d.wantNothingLeft(t)
	}
}

// Counter, ledger and Kafka's offsets have to agree to the event.
func TestIntegration200000Events(t *testing.T) {
	t.Parallel()
	d := startDrill(t, "--events", "200000")
	if code := d.wait(t); code != exitPass {
		t.Fatalf("exit code %d; it said:\n%s", code, d.said())
	}
	r := d.result(t)
	if l := r.Ledger; l.Owed != 200_000 || l.Once != 200_000 || l.Checked != 200_000 {
		t.Errorf("ledger %+v", l)
	}
	for _, f := range r.Checks {
		if f.Check == "counter.exact" && (f.Observed != "200003" || f.Expected != "200003") {
			t.Errorf("counter: expected %s, observed %s", f.Expected, f.Observed)
		}
	}
}

func TestIntegrationOutageTooShort(t *testing.T) {
	t.Parallel()
	spec := writeSpec(t, "outage: {hold: 6s}\n")
	d := startDrill(t, spec)
	if code := d.wait(t); code != exitRefused || !strings.Contains(d.said(), "12s of outage are needed to be sure") {
		t.Errorf("exit code %d; it said:\n%s", code, d.said())
	}
	if r := d.result(t); r.Outcome != drill.Refused || r.Verdict == drill.Pass {
		t.Errorf("%s, %s", r.Outcome, r.Verdict)
	}
	d = startDrill(t, spec, "--allow", "outage-too-short")
	if code := d.wait(t); code != exitFail {
		t.Errorf("exit code %d; it said:\n%s", code, d.said())
	}
	for _, f := range d.result(t).Checks {
		if red := f.Verdict == drill.Fail; red != (f.Check == "alert.fired_in_window") {
			t.Errorf("%s: %s", f.Check, f.Verdict)
		}
	}
}

// A signal at any stage: the target is put back, the report says what was seen,
// and nothing is left.
func TestIntegrationSignals(t *testing.T) {
	for _, c := range []struct {
		stage string
		sig   syscall.Signal
		code  int
	}{
		{"preflight", syscall.SIGINT, exitInterrupted}, {"baseline", syscall.SIGTERM, exitTerminated}, {"fault", syscall.SIGINT, exitInterrupted},
		{"hold", syscall.SIGINT, exitInterrupted}, {"hold", syscall.SIGTERM, exitTerminated}, {"settle", syscall.SIGTERM, exitTerminated},
	} {
		t.Run(c.stage+" "+c.sig.String(), func(t *testing.T) {
			t.Parallel()
			d := startDrill(t)
			d.until(t, "s  "+c.stage)
			d.signal(t, c.sig)
			d.signal(t, c.sig) // impatience changes nothing
			if code := d.wait(t); code != c.code {
				t.Errorf("exit code %d, want %d; it said:\n%s", code, c.code, d.said())
			}
			r := d.result(t)
			if r.Outcome != drill.Interrupt || r.Verdict == drill.Pass {
				t.Errorf("%s, %s: %s", r.Outcome, r.Verdict, r.Reason)
			}
			d.wantNothingLeft(t)
		})
	}
}

// SIGKILL leaves no time to clean up; the guard does it.
func TestIntegrationKilledRunnerLeavesNothing(t *testing.T) {
	for _, stage := range []string{"preflight", "fault", "hold", "drain"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			d := startDrill(t)
			d.until(t, "s  "+stage)
			d.signal(t, syscall.SIGKILL)
			if code := d.wait(t); code != -1 {
				t.Errorf("exit code %d", code)
			}
			d.wantNothingLeft(t)
		})
	}
}

// A service that knows nothing of ids or of us is drilled all the same. What it
// cannot be asked is said before the fault, and beside the verdict.
func TestIntegrationAnyService(t *testing.T) {
	t.Parallel()
	d := startDrill(t, writeSpec(t, "target: {process: {command: [plain]}}\n"))
	if code := d.wait(t); code != exitPass {
		t.Fatalf("exit code %d; it said:\n%s", code, d.said())
	}
	r := d.result(t)
	var left []string
	for _, n := range r.NotApplicable {
		left = append(left, n.Check)
	}
	if want := []string{"counter.exact", "rate.spike", "sse.clients"}; !slices.Equal(left, want) {
		t.Errorf("not applicable are %v, want %v", left, want)
	}
	if r.Ledger.Once != 200 {
		t.Errorf("ledger %+v", r.Ledger)
	}
	d.wantNothingLeft(t)
}

// A target that ignores SIGTERM is killed in the end, and that is said.
func TestIntegrationStubbornTarget(t *testing.T) {
	t.Parallel()
	d := startDrill(t, writeSpec(t, "target: {process: {command: [stubborn], stop_timeout: 2s}}\n"))
	if code := d.wait(t); code != exitPass {
		t.Fatalf("exit code %d; it said:\n%s", code, d.said())
	}
	if !strings.Contains(d.said(), "ended by signal killed") {
		t.Errorf("that it was killed is not said:\n%s", d.said())
	}
	d.wantNothingLeft(t)
}
