package live

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aetherlink/aether/drill"
)

// Guard is a hidden process that outlives the runner by a moment: the watchdog.
// Its standard input is a pipe that only the runner holds, so its end means that
// the runner is gone, however it died. Then the guard puts back what it was
// armed with, ends every process that was started in its group, and removes the
// run's temporary folder. The deadline of an intent covers a runner that hangs.
//
//	runner ──pipe──► guard ─┐ one process group:
//	   └──── starts ► target ┘ TERM, a moment, KILL
type Guard struct {
	procs procGroup
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *os.File // its end is the guard's
	once  sync.Once
	err   error
}

// GuardConfig is how a guard is started.
type GuardConfig struct {
	Self string   // the program, which has to call RunGuard
	Args []string // of it; DIR is added
	Dir  string   // removed when the runner is gone; "" for none
	Log  string   // file for what it does
	// Detached puts it into a session of its own, out of the runner's process
	// tree. Processes of the runner cannot join its group then.
	Detached bool
}

const guardGrace = time.Second

// guardWord is one line to the guard.
type guardWord struct {
	Intent *drill.Intent `json:"intent,omitempty"` // to be undone should the runner die
	Kept   bool          `json:"kept,omitempty"`   // nothing was done yet: only the intent is to be taken away
	Done   bool          `json:"done,omitempty"`   // the runner ended in good order: nothing is left to do
}

const guardReady = "ready"

// StartGuard returns when the guard watches.
func StartGuard(ctx context.Context, c GuardConfig) (*Guard, error) {
	g := &Guard{cmd: exec.Command(c.Self, append(slices.Clone(c.Args), c.Dir)...)}
	g.cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "RUNNER_TRACKING_ID=") })
	if err := g.start(c); err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	ready := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(g.out).ReadString('\n')
		if err == nil && strings.TrimSpace(line) != guardReady {
			err = fmt.Errorf("it said %q", line)
		}
		ready <- err
	}()
	var err error
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

func (g *Guard) start(c GuardConfig) error {
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirOut.Close()
	theirIn, in, err := os.Pipe()
	if err != nil {
		return errors.Join(err, out.Close())
	}
	defer theirIn.Close()
	g.in, g.out = in, out
	g.cmd.Stdin, g.cmd.Stdout, g.cmd.Stderr = theirIn, theirOut, log
	if c.Detached {
		g.cmd.Args = append(g.cmd.Args, "--detach")
		err = g.cmd.Run() // the guard is not this process, but one that it leaves behind
	} else {
		g.procs, err = startLeader(g.cmd)
	}
	if err != nil {
		return errors.Join(err, in.Close(), out.Close())
	}
	return nil
}

// Detach starts self with args in a session of its own, with this process's
// standard files, and returns at once: who started this process is no ancestor
// of the new one when this one has ended.
func Detach(self string, args []string) error {
	c := exec.Command(self, args...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	detach(c)
	if err := c.Start(); err != nil {
		return fmt.Errorf("start guard: %w", err)
	}
	return c.Process.Release()
}

// Arm hands over what is to be undone should this process die. It has to
// succeed before anything is done.
func (g *Guard) Arm(i drill.Intent) error { return g.say(guardWord{Intent: &i}) }

// Keep hands over an intent that is kept with the target, before anything is
// done: it is taken away should this process die.
func (g *Guard) Keep(i drill.Intent) error { return g.say(guardWord{Intent: &i, Kept: true}) }

func (g *Guard) say(w guardWord) error {
	line, err := json.Marshal(w)
	if err == nil {
		_, err = g.in.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("tell the guard: %w", err)
	}
	return nil
}

// Close ends the guard, which removes the folder. It may be called again.
func (g *Guard) Close() error {
	g.once.Do(func() {
		_ = g.say(guardWord{Done: true})
		_ = g.in.Close()
		_, _ = io.Copy(io.Discard, g.out) // until it has ended
		_ = g.out.Close()
		if g.cmd.ProcessState == nil {
			if err := g.cmd.Wait(); err != nil {
				g.err = fmt.Errorf("end guard: %w", err)
			}
		}
		g.err = errors.Join(g.err, g.procs.close())
	})
	return g.err
}

// RunGuard is the guard's side: it waits for the end of in and cleans up. It is
// deaf to signals, for those that end the runner must not end it. What it does
// goes to log.
func RunGuard(in io.Reader, out, log io.Writer, dir string) error {
	deaf := make(chan os.Signal, 1)
	signal.Notify(deaf, endSignals()...)
	defer signal.Stop(deaf)
	if _, err := fmt.Fprintln(out, guardReady); err != nil {
		return fmt.Errorf("report to the runner: %w", err)
	}
	armed, done := guardWait(in, log)
	if done {
		return removeAll(dir)
	}
	var err error
	if armed.Intent != nil {
		fmt.Fprintf(log, "%s the runner of %s is gone\n", stamp(), armed.Intent.Drill)
		err = armed.putBack(log)
	}
	endGroup(guardGrace)
	err = errors.Join(err, removeAll(dir))
	killGroup() // takes this process along
	return err
}

// guardWait reads until the runner has ended, and puts back in between what is
// over its deadline.
func guardWait(in io.Reader, log io.Writer) (armed guardWord, done bool) {
	words := make(chan guardWord)
	go func() {
		defer close(words)
		for d := json.NewDecoder(in); ; {
			var w guardWord
			if d.Decode(&w) != nil {
				return
			}
			words <- w
		}
	}()
	var late <-chan time.Time
	for {
		select {
		case w, more := <-words:
			if !more || w.Done {
				return armed, w.Done
			}
			armed = w
			if w.Intent != nil && !w.Intent.Deadline.IsZero() {
				late = time.After(time.Until(w.Intent.Deadline))
			}
		case <-late:
			fmt.Fprintf(log, "%s drill %s is over its deadline\n", stamp(), armed.Intent.Drill)
			_ = armed.putBack(log) // said in the log, and tried again at the runner's end
		}
	}
}

func (w guardWord) putBack(log io.Writer) error {
	i := *w.Intent
	if w.Kept {
		return releaseAt(context.Background(), i)
	}
	err := PutBack(context.Background(), i, func(c drill.Call) {
		if c.Error != "" {
			fmt.Fprintf(log, "%s %s\n", stamp(), c.Error)
		}
	})
	if err != nil {
		fmt.Fprintf(log, "%s NOT put back: %v\n", stamp(), err)
		return err
	}
	fmt.Fprintf(log, "%s %s runs\n", stamp(), i.Target)
	return nil
}

func stamp() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// removeAll tries again for a moment: on some systems a file cannot go before
// the process that holds it.
func removeAll(dir string) (err error) {
	if dir == "" {
		return nil
	}
	for range 20 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		_ = pause(context.Background(), 100*time.Millisecond)
	}
	return err
}
