package live

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Guard is a hidden process that outlives the runner by a moment. Its standard
// input is a pipe that only the runner holds, so its end means that the runner
// is gone, however it died. Then the guard ends every process that was started
// in its group and removes the run's temporary folder.
//
//	runner ──pipe──► guard ─┐ one process group:
//	   └──── starts ► target ┘ TERM, a moment, KILL
type Guard struct {
	procs procGroup
	cmd   *exec.Cmd
	in    io.WriteCloser
	once  sync.Once
	err   error
}

const (
	guardReady = "ready"
	guardDone  = "done" // the runner ended in good order: nothing is left to end
	guardGrace = time.Second
)

// StartGuard starts self with args, which has to call RunGuard, and returns
// when the guard watches. dir is removed when the runner is gone.
func StartGuard(ctx context.Context, self string, args []string, dir string) (*Guard, error) {
	g := &Guard{cmd: exec.Command(self, append(args, dir)...)}
	g.cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "RUNNER_TRACKING_ID=") })
	log, err := os.Create(filepath.Join(dir, "guard.log"))
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	defer log.Close()
	g.cmd.Stderr = log
	if g.in, err = g.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	if g.procs, err = startLeader(g.cmd); err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	ready := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(out).ReadString('\n')
		if err == nil && strings.TrimSpace(line) != guardReady {
			err = fmt.Errorf("it said %q", line)
		}
		ready <- err
	}()
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start guard: %w", err), g.Close())
	}
	return g, nil
}

// Close ends the guard, which removes the folder. It may be called again.
func (g *Guard) Close() error {
	g.once.Do(func() {
		_, _ = io.WriteString(g.in, guardDone+"\n")
		_ = g.in.Close()
		if err := g.cmd.Wait(); err != nil {
			g.err = fmt.Errorf("end guard: %w", err)
		}
		g.err = errors.Join(g.err, g.procs.close())
	})
	return g.err
}

// RunGuard is the guard's side: it waits for the end of in and cleans up. It is
// deaf to signals, for those that end the runner must not end it.
func RunGuard(in io.Reader, out io.Writer, dir string) error {
	deaf := make(chan os.Signal, 1)
	signal.Notify(deaf, endSignals()...)
	defer signal.Stop(deaf)
	if _, err := fmt.Fprintln(out, guardReady); err != nil {
		return fmt.Errorf("report to the runner: %w", err)
	}
	said, _ := io.ReadAll(in)
	if strings.TrimSpace(string(said)) == guardDone {
		return os.RemoveAll(dir)
	}
	endGroup(guardGrace)
	err := removeAll(dir)
	killGroup() // takes this process along
	return err
}

// removeAll tries again for a moment: on some systems a file cannot go before
// the process that holds it.
func removeAll(dir string) (err error) {
	for range 20 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		_ = pause(context.Background(), 100*time.Millisecond)
	}
	return err
}
