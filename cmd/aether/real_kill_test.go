//go:build integration && linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/internal/realworld"
)

// killCell is one way to end a runner, at a stage, and what somebody else did to
// the container just before.
type killCell struct {
	end, stage, meddled string
	kill                func(*testing.T, *drillProcess)
}

func killCells() (cells []killCell) {
	for _, end := range []struct {
		name string
		kill func(*testing.T, *drillProcess)
	}{
		{"TERM", func(t *testing.T, d *drillProcess) { d.signal(t, syscall.SIGTERM) }},
		{"INT", func(t *testing.T, d *drillProcess) { d.signal(t, syscall.SIGINT) }},
		{"KILL", func(t *testing.T, d *drillProcess) { d.signal(t, syscall.SIGKILL) }},
		{"cancelled job", cancelJob},
	} {
		for _, stage := range drill.Stages() {
			cells = append(cells, killCell{end.name, stage, "", end.kill})
		}
		cells = append(cells, killCell{end.name, drill.StageHold, "started", end.kill},
			killCell{end.name, drill.StageHold, "removed", end.kill}, killCell{end.name, drill.StageDrain, "removed", end.kill})
	}
	return cells
}

// TestRealKillMatrix ends the runner in every way at every stage. Afterwards the
// target has to run; where somebody removed it, that has to be said, and nothing
// made in its place. It prints how many of how many were put back.
func TestRealKillMatrix(t *testing.T) {
	t.Parallel()
	c := newCity(t, realworld.KafkaOptions{})
	cells := make(chan killCell, 100)
	for _, cell := range killCells() {
		cells <- cell
	}
	all := len(cells)
	close(cells)
	var good atomic.Int32
	t.Run("side by side", func(t *testing.T) {
		for i := range 8 {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				s := c.site(t, siteOptions{})
				for cell := range cells {
					if t.Run(strings.TrimSpace(cell.end+" in "+cell.stage+" "+cell.meddled), func(t *testing.T) { cell.run(t, s) }) {
						good.Add(1)
					}
					s.renew(t)
				}
			})
		}
	})
	t.Logf("put back, or said to be removed by somebody: %d of %d", good.Load(), all)
	if int(good.Load()) != all {
		t.Fail()
	}
}

func (k killCell) run(t *testing.T, s *site) {
	d := startDrill(t, s.spec(t))
	d.until(t, "s  "+k.stage)
	s.meddle(t, k.meddled)
	k.kill(t, d)
	code := d.wait(t)
	if k.meddled == "removed" {
		k.wantRemoved(t, s, d, code)
		return
	}
	awaitThat(t, "the container runs and no process is left", func() bool {
		running, _ := s.running(t)
		return running && len(d.processes()) == 0
	})
	s.wantBack(t, d)
	if want, ok := map[string]int{"TERM": exitTerminated, "INT": exitInterrupted, "KILL": -1}[k.end]; ok && code != want {
		t.Errorf("exit code %d, want %d; it said:\n%s", code, want, d.said())
	}
}

// meddle is what somebody else does to the container.
func (s *site) meddle(t *testing.T, how string) {
	t.Helper()
	var err error
	switch how {
	case "started":
		err = s.engine.Client().ContainerStart(t.Context(), s.id, container.StartOptions{})
	case "removed":
		err = s.engine.Client().ContainerRemove(t.Context(), s.id, container.RemoveOptions{Force: true})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// wantRemoved: a container that somebody removed while it was down is said to
// be gone, by the runner or by its watchdog; one that had been put back is no
// concern of the drill any more.
func (k killCell) wantRemoved(t *testing.T, s *site, d *drillProcess, code int) {
	t.Helper()
	awaitThat(t, "no process is left", func() bool { return len(d.processes()) == 0 })
	if _, gone := s.running(t); !gone {
		t.Error("the container is there again")
	}
	if k.stage != drill.StageHold {
		return
	}
	log, _ := os.ReadFile(filepath.Join(d.outDir, watchdogName))
	if said := d.said() + string(log); !strings.Contains(said, "removed by somebody") {
		t.Errorf("that it was removed is not said:\n%s", said)
	}
	if code != exitNotRestored && code != -1 {
		t.Errorf("exit code %d", code)
	}
}

// renew makes the site ready for another drill.
func (s *site) renew(t *testing.T) {
	t.Helper()
	if running, gone := s.running(t); gone {
		s.id = s.engine.Run(s.run)
	} else if !running {
		s.meddle(t, "started")
	}
	s.awaitReady(t)
	if s.kept(t) {
		err := s.engine.Client().ContainerRemove(t.Context(), "aether-drill."+s.name, container.RemoveOptions{Force: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.awaitQuiet(t)
}

// cancelJob is what a cancelled job of GitHub's runner sends: SIGINT, SIGTERM
// after 7.5 s, and after 2.5 s more SIGKILL to the tree of processes.
func cancelJob(t *testing.T, d *drillProcess) {
	t.Helper()
	for _, step := range []struct {
		sig  syscall.Signal
		wait time.Duration
	}{{syscall.SIGINT, 7500 * time.Millisecond}, {syscall.SIGTERM, 2500 * time.Millisecond}} {
		_ = d.cmd.Process.Signal(step.sig) // it may have ended
		ctx, cancel := context.WithTimeout(t.Context(), step.wait)
		select {
		case <-d.ended:
		case <-ctx.Done():
		}
		cancel()
	}
	for _, pid := range append(tree(d.cmd.Process.Pid), d.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// tree is every process below one.
func tree(pid int) (below []int) {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(pid) + "/children")
	for _, word := range strings.Fields(string(text)) {
		if child, err := strconv.Atoi(word); err == nil {
			below = append(append(below, child), tree(child)...)
		}
	}
	return below
}
