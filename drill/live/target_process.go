package live

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/aetherlink/aether/drill"
)

// ProcessConfig is a local process under drill.
type ProcessConfig struct {
	Command     []string // the program and its arguments
	Env         []string // all of it, KEY=value
	Kill        bool     // stop with SIGKILL; else SIGTERM first
	StopTimeout time.Duration
	Output      string // file that its output is appended to
	Guard       *Guard // ends it should the runner die
}

// Process is a local process as a Target. Safe for concurrent use.
type Process struct {
	cfg   ProcessConfig
	image string // of the program's file

	mu       sync.Mutex
	cmd      *exec.Cmd
	ended    chan struct{} // closed when cmd was waited for
	stopping bool          // told to end, by us
	closed   bool
	state    drill.TargetState
}

// NewProcess finds the program and starts nothing.
func NewProcess(cfg ProcessConfig) (*Process, error) {
	path, err := exec.LookPath(cfg.Command[0])
	if err != nil {
		return nil, fmt.Errorf("target.process.command: %w", err)
	}
	image, err := fileHash(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	cfg.Command = append([]string{path}, cfg.Command[1:]...)
	return &Process{cfg: cfg, image: image, state: drill.TargetState{ID: strings.Join(cfg.Command, " "), Image: image}}, nil
}

func fileHash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// Start starts the process where it is not running.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("start target: the drill is over")
	}
	if p.ended != nil && !isClosed(p.ended) {
		return nil
	}
	out, err := os.OpenFile(p.cfg.Output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start target: %w", err)
	}
	defer out.Close()
	cmd := exec.Command(p.cfg.Command[0], p.cfg.Command[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.cfg.Env, out, out
	started := time.Now().UTC()
	if err := p.cfg.Guard.procs.start(cmd); err != nil {
		return fmt.Errorf("start target: %w", err)
	}
	p.cmd, p.ended, p.stopping = cmd, make(chan struct{}), false
	p.state.Running, p.state.Started, p.state.Finished, p.state.Exit, p.state.Signal = true, started, time.Time{}, nil, ""
	go p.wait(cmd, p.ended) // ends with the process; Close waits for it
	return nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (p *Process) wait(cmd *exec.Cmd, ended chan struct{}) {
	err := cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Running, p.state.Finished = false, time.Now().UTC()
	if cmd.ProcessState == nil {
		p.state.Signal = err.Error()
	} else if code := cmd.ProcessState.ExitCode(); code >= 0 {
		p.state.Exit = &code
	} else {
		p.state.Signal = strings.TrimPrefix(cmd.ProcessState.String(), "signal: ")
	}
	close(ended)
}

// Plan implements Target.
func (p *Process) Plan(context.Context) (drill.Intent, error) {
	state, err := p.State(context.Background())
	if err != nil {
		return drill.Intent{}, err
	}
	if !state.Running {
		return drill.Intent{}, fmt.Errorf("the target is not running: %s", p.Ending())
	}
	return drill.Intent{Kind: "process", Target: state.ID, ID: state.ID, Undo: "nothing: it is a process of this drill, and ends with it"}, nil
}

// Stop implements Target. Where the process does not end in time it is killed,
// and its state says so.
func (p *Process) Stop(ctx context.Context, _ drill.Intent) error {
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	if cmd == nil || isClosed(ended) {
		p.mu.Unlock()
		return fmt.Errorf("it had ended by itself: %s", p.Ending())
	}
	p.stopping = true
	err := p.signal(cmd)
	p.mu.Unlock()
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return awaitEnd(ctx, cmd, ended, p.cfg.StopTimeout)
}

func (p *Process) signal(cmd *exec.Cmd) error {
	if p.cfg.Kill {
		return cmd.Process.Kill()
	}
	return terminate(cmd.Process)
}

// awaitEnd kills what has not ended after limit.
func awaitEnd(ctx context.Context, cmd *exec.Cmd, ended <-chan struct{}, limit time.Duration) error {
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		select {
		case <-ended:
			return nil
		case <-t.C:
			if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return fmt.Errorf("kill: %w", err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Restore implements Target: a process that was told to end is waited for, and
// started again.
func (p *Process) Restore(ctx context.Context, _ drill.Intent) error {
	p.mu.Lock()
	cmd, ended, stopping := p.cmd, p.ended, p.stopping
	p.mu.Unlock()
	if cmd != nil && stopping {
		if err := awaitEnd(ctx, cmd, ended, p.cfg.StopTimeout); err != nil {
			return err
		}
	}
	return p.Start()
}

// State implements Target.
func (p *Process) State(context.Context) (drill.TargetState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, nil
}

// Ended is closed when the process that runs now has ended.
func (p *Process) Ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// Ending says how the process ended, with its last words.
func (p *Process) Ending() string {
	p.mu.Lock()
	s := p.state
	p.mu.Unlock()
	how := "it has not ended"
	switch {
	case s.Exit != nil:
		how = fmt.Sprintf("exit code %d", *s.Exit)
	case s.Signal != "":
		how = "signal " + s.Signal
	}
	if words := p.lastWords(); words != "" {
		how += "; its last words:\n" + words
	}
	return how
}

const tailBytes = 2048

func (p *Process) lastWords() string {
	f, err := os.Open(p.cfg.Output)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > tailBytes {
		_, _ = f.Seek(-tailBytes, io.SeekEnd)
	}
	b, _ := io.ReadAll(io.LimitReader(f, tailBytes))
	return string(bytes.TrimSpace(bytes.ToValidUTF8(b, []byte("?"))))
}

// Close ends the process for good and waits for it.
func (p *Process) Close() error {
	p.mu.Lock()
	p.closed = true
	cmd, ended := p.cmd, p.ended
	p.mu.Unlock()
	if cmd == nil || isClosed(ended) {
		return nil
	}
	if err := terminate(cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end target: %w", err)
	}
	return awaitEnd(context.Background(), cmd, ended, p.cfg.StopTimeout)
}
