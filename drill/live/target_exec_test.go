//go:build unix

package live

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aetherlink/aether/drill"
)

// fileTarget runs while a file is there.
func fileTarget(t *testing.T) (drill.ExecSpec, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "it runs")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return drill.ExecSpec{Stop: []string{"rm", file}, Start: []string{"touch", file}, State: []string{"test", "-e", file}}, file
}

func runs(file string) bool { _, err := os.Stat(file); return err == nil }

func TestExecStopsAndComesBack(t *testing.T) {
	spec, file := fileTarget(t)
	e := NewExec(spec)
	intent, err := e.Plan(t.Context())
	if err != nil || !strings.HasSuffix(intent.Undo, "it runs'") {
		t.Fatalf("%+v %v", intent, err)
	}
	if err := e.Stop(t.Context(), intent); err != nil || runs(file) {
		t.Fatalf("stopped: %v, runs: %v", err, runs(file))
	}
	if s, err := e.State(t.Context()); err != nil || s.Running {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := e.Plan(t.Context()); err == nil {
		t.Error("a stop of what does not run was planned")
	}
	for range 2 {
		if err := PutBack(t.Context(), intent, func(drill.Call) {}); err != nil || !runs(file) {
			t.Fatalf("put back: %v, runs: %v", err, runs(file))
		}
	}
}

func TestExecSaysWhatWentWrong(t *testing.T) {
	spec, _ := fileTarget(t)
	for _, row := range []struct {
		name   string
		change func(*drill.ExecSpec)
		say    string
	}{
		{"no such program", func(s *drill.ExecSpec) { s.State = []string{"no-such-program"} }, "target.exec.state: no-such-program"},
		{"a third answer", func(s *drill.ExecSpec) { s.State = []string{"sh", "-c", "echo odd; exit 4"} }, "exit status 4: odd; it has to exit 0"},
	} {
		s := spec
		row.change(&s)
		if _, err := NewExec(s).State(t.Context()); err == nil || !strings.Contains(err.Error(), row.say) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	spec.Stop = []string{"sh", "-c", "echo not allowed >&2; exit 1"}
	if err := NewExec(spec).Stop(t.Context(), drill.Intent{}); err == nil || !strings.Contains(err.Error(), "target.exec.stop") || !strings.Contains(err.Error(), "not allowed") {
		t.Errorf("%v", err)
	}
}

// armed starts a runner with a detached guard that is armed with the stop of a
// file, and returns it when that is stopped.
func armed(t *testing.T, deadline time.Duration) (runner *exec.Cmd, file, log string) {
	t.Helper()
	spec, file := fileTarget(t)
	log = filepath.Join(t.TempDir(), "watchdog.log")
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	runner = exec.Command(os.Args[0])
	runner.Env = append(os.Environ(), "LIVE_TEST_ROLE=armed", "ARMED_SPEC="+string(text), "ARMED_LOG="+log, "ARMED_DEADLINE="+deadline.String())
	if _, err := runner.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := runner.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = runner.Process.Kill(); _ = runner.Wait() })
	return runner, file, log
}

// SIGKILL of the runner and of all that descends from it: the watchdog is none
// of them, and puts the target back.
func TestWatchdogPutsBackWhenTheRunnerIsKilled(t *testing.T) {
	runner, file, log := armed(t, time.Hour)
	awaitThat(t, "the target is stopped", func() bool { return !runs(file) })
	awaitThat(t, "the runner has no children", func() bool { return len(children(runner.Process.Pid)) == 0 })
	if err := runner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	awaitThat(t, "the target is back", func() bool { return runs(file) })
	awaitThat(t, "the log says so", func() bool { return strings.Contains(read(log), "runs\n") })
	awaitThat(t, "the watchdog is gone", func() bool { return len(withEnv(t, log)) == 0 })
}

// A runner that hangs is not waited for beyond the deadline.
func TestWatchdogPutsBackAtTheDeadline(t *testing.T) {
	_, file, log := armed(t, 300*time.Millisecond)
	awaitThat(t, "the log says why", func() bool { return strings.Contains(read(log), "over its deadline") })
	awaitThat(t, "the target is back", func() bool { return runs(file) && strings.Contains(read(log), "runs\n") })
}

func read(path string) string { b, _ := os.ReadFile(path); return string(b) }

// children of a process, as the system tells.
func children(pid int) []string {
	out, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(out))
}
