package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// drillProcess is `aether drill run` as a process of its own.
type drillProcess struct {
	cmd    *exec.Cmd
	outDir string
	tmp    string // its temporary files go below
	mark   string // in the environment of everything that it starts

	mu       sync.Mutex
	out, err bytes.Buffer
	ended    chan struct{}
}

// Write takes what it says to people.
func (d *drillProcess) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err.Write(b)
}

func (d *drillProcess) said() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err.String()
}

func startDrill(t *testing.T, args ...string) *drillProcess {
	t.Helper()
	return startDrillWith(t, nil, args...)
}

// startDrillWith adds to the environment.
func startDrillWith(t *testing.T, env []string, args ...string) *drillProcess {
	t.Helper()
	d := &drillProcess{tmp: t.TempDir(), ended: make(chan struct{})}
	if i := slices.Index(args, "--out"); i >= 0 {
		d.outDir = args[i+1]
	} else {
		d.outDir = filepath.Join(t.TempDir(), "out")
		args = append(args, "--out", d.outDir)
	}
	d.mark = "AETHER_TEST_MARK=" + d.tmp
	d.cmd = exec.Command("aether", append([]string{"drill", "run"}, args...)...)
	d.cmd.Env = append(append(os.Environ(), "TMPDIR="+d.tmp, d.mark), env...)
	d.cmd.Stdout, d.cmd.Stderr = &d.out, d
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait()
		close(d.ended)
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		<-d.ended
	})
	return d
}

// wait is the exit code; −1 for a signal.
func (d *drillProcess) wait(t *testing.T) int {
	t.Helper()
	return d.waitFor(t, 3*time.Minute)
}

func (d *drillProcess) waitFor(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case <-d.ended:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		t.Fatalf("it does not end; it said:\n%s", d.said())
		return 0
	}
}

// wantNothingLeft: within a few seconds no process of it runs, and none of its
// temporary files is there. Ports go with their processes.
func (d *drillProcess) wantNothingLeft(t *testing.T) {
	t.Helper()
	awaitThat(t, "no process and no file is left", func() bool {
		files, err := os.ReadDir(d.tmp)
		return err == nil && len(files) == 0 && len(d.processes()) == 0
	})
}

// processes are those with the mark in their environment.
func (d *drillProcess) processes() (pids []string) {
	entries, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range entries {
		env, err := os.ReadFile(path)
		if err == nil && bytes.Contains(env, []byte(d.mark)) {
			pids = append(pids, path)
		}
	}
	return pids
}

func awaitThat(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
