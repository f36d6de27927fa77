package live

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aetherlink/aether/drill"
)

func guardConfig(dir string) GuardConfig {
	return GuardConfig{Self: os.Args[0], Args: []string{"guard"}, Dir: dir, Log: filepath.Join(dir, "guard.log")}
}

func testGuard(t *testing.T) (*Guard, string) {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "drill")
	if err != nil {
		t.Fatal(err)
	}
	g, err := StartGuard(t.Context(), guardConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g, dir
}

// testProcess is up when it returns.
func testProcess(t *testing.T, how string, change func(*ProcessConfig)) *Process {
	t.Helper()
	g, dir := testGuard(t)
	mark := filepath.Join(t.TempDir(), "started")
	cfg := ProcessConfig{
		Command: []string{os.Args[0]}, Guard: g, Output: filepath.Join(dir, "out"), StopTimeout: 10 * time.Second,
		Env: append(os.Environ(), "LIVE_TEST_ROLE=service", "SERVICE_HOW="+how, "SERVICE_STARTED="+mark),
	}
	if change != nil {
		change(&cfg)
	}
	p, err := NewProcess(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	awaitThat(t, "the service is up", func() bool { _, err := os.Stat(mark); return err == nil })
	return p
}

func processState(t *testing.T, p *Process) drill.TargetState {
	t.Helper()
	s, err := p.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestProcessStopsAndComesBack(t *testing.T) {
	for _, row := range []struct {
		name, how string
		change    func(*ProcessConfig)
		signal    string
	}{
		{"graceful", "", nil, ""},
		{"kill", "", func(c *ProcessConfig) { c.Kill = true }, "killed"},
		{"ignores SIGTERM", "stubborn", func(c *ProcessConfig) { c.StopTimeout = 200 * time.Millisecond }, "killed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := testProcess(t, row.how, row.change)
			before := processState(t, p)
			intent, err := p.Plan(t.Context())
			if err != nil || intent.Kind != "process" || !before.Running {
				t.Fatalf("%+v %+v %v", intent, before, err)
			}
			if err := p.Stop(t.Context(), intent); err != nil {
				t.Fatal(err)
			}
			down := processState(t, p)
			if down.Running || down.Finished.IsZero() || down.Signal != row.signal || (down.Exit == nil) != (row.signal != "") {
				t.Errorf("after the stop: %+v", down)
			}
			for range 3 { // restoring what runs changes nothing
				if err := p.Restore(t.Context(), intent); err != nil {
					t.Fatal(err)
				}
			}
			after := processState(t, p)
			if !after.Running || after.ID != before.ID || after.Image != before.Image || !after.Started.After(down.Finished) {
				t.Errorf("after the start: %+v, before %+v", after, before)
			}
		})
	}
}

func TestProcessThatEndsByItselfIsNoticed(t *testing.T) {
	p := testProcess(t, "dies", nil)
	<-p.Ended()
	if s := processState(t, p); s.Running || s.Exit == nil || *s.Exit != 7 {
		t.Errorf("%+v", s)
	}
	if e := p.Ending(); !strings.Contains(e, "exit code 7") || !strings.Contains(e, "its last words") {
		t.Errorf("%q", e)
	}
	if err := p.Stop(t.Context(), drill.Intent{}); err == nil || !strings.Contains(err.Error(), "by itself") {
		t.Errorf("stopping what had ended: %v", err)
	}
	if _, err := p.Plan(t.Context()); err == nil {
		t.Error("a stop of what does not run was planned")
	}
}

func TestUnknownCommandIsNamed(t *testing.T) {
	_, err := NewProcess(ProcessConfig{Command: []string{"no-such-program"}})
	if err == nil || !strings.Contains(err.Error(), "target.process.command") {
		t.Errorf("%v", err)
	}
}

func TestGuardRemovesTheFolderInGoodOrder(t *testing.T) {
	g, dir := testGuard(t)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there: %v", dir, err)
	}
}

// SIGKILL of the runner: the service, its own child that ignores SIGTERM, the
// guard and the folder are gone soon after.
func TestGuardOutlivesTheRunner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "drill")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	runner := exec.Command(os.Args[0])
	runner.Env = append(os.Environ(), "LIVE_TEST_ROLE=runner", "RUNNER_DIR="+dir)
	if _, err := runner.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := runner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := runner.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "up <nil>\n" {
		t.Fatalf("%q %v", line, err)
	}
	awaitThat(t, "runner, guard, service and its child run", func() bool { return len(withEnv(t, dir)) == 4 })
	if err := runner.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = runner.Wait()
	awaitThat(t, "nothing is left", func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, fs.ErrNotExist) && len(withEnv(t, dir)) == 0
	})
}

// withEnv are the processes that have a word in their environment.
func withEnv(t *testing.T, word string) (pids []string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(paths) == 0 {
		t.Skip("no /proc here")
	}
	for _, path := range paths {
		if env, err := os.ReadFile(path); err == nil && strings.Contains(string(env), word) {
			pids = append(pids, path)
		}
	}
	return pids
}
