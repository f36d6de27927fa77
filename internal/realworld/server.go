//go:build integration && linux

package realworld

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// server is a child process that can be ended and started again. It is used by
// one goroutine at a time.
type server struct {
	t       testing.TB
	name    string
	argv    []string
	env     []string
	logFile string
	// ready tells whether the server answers.
	ready func(context.Context) error
	// grace is how long an orderly end may take; default 20 s.
	grace time.Duration
	attr  syscall.SysProcAttr

	cmd  *exec.Cmd
	done chan struct{}
}

const (
	startLimit = 60 * time.Second
	pollEvery  = 50 * time.Millisecond
	logTail    = 40
)

// start runs the server and returns when it answers.
func (s *server) start() {
	s.t.Helper()
	log, err := os.OpenFile(s.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(s.argv[0], s.argv[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = log, log
	attr := s.attr
	attr.Setsid = true // an interrupt at the terminal is for the tests, which then end the servers in order
	if attr.Pdeathsig == 0 {
		attr.Pdeathsig = syscall.SIGKILL // no Cleanup runs when a test times out
	}
	cmd.SysProcAttr = &attr
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("start %s: %v (install it with .ci/real)", s.name, err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	s.cmd, s.done = cmd, done
	s.await()
}

func (s *server) await() {
	s.t.Helper()
	err := poll(startLimit, func(ctx context.Context) error {
		select {
		case <-s.done:
			return &fatal{fmt.Errorf("it ended: %s", s.cmd.ProcessState)}
		default:
			return s.ready(ctx)
		}
	})
	if err != nil {
		s.t.Fatalf("%s does not answer: %v\nits log ends:\n%s", s.name, err, s.tail())
	}
}

// stop sends a signal and waits for the end; a server that outlives its grace
// is killed and the test fails. Stopping a stopped server does nothing.
func (s *server) stop(sig syscall.Signal) {
	s.t.Helper()
	if s.cmd == nil {
		return
	}
	grace := s.grace
	if grace == 0 {
		grace = 20 * time.Second
	}
	_ = s.cmd.Process.Signal(sig)
	_ = s.cmd.Process.Signal(syscall.SIGCONT) // a frozen one hears it only so
	select {
	case <-s.done:
	case <-time.After(grace):
		_ = s.cmd.Process.Kill()
		<-s.done
		s.t.Errorf("%s did not end within %s of %s; its log ends:\n%s", s.name, grace, sig, s.tail())
	}
	s.cmd = nil
}

// cleanup ends the server with the test, and shows its log if the test failed.
func (s *server) cleanup() {
	s.stop(syscall.SIGTERM)
	if s.t.Failed() {
		s.t.Logf("log of %s ends:\n%s", s.name, s.tail())
	}
}

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.cmd == nil {
		s.t.Fatalf("signal %s: it is not running", s.name)
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("signal %s: %v", s.name, err)
	}
}

func (s *server) tail() []byte {
	text, err := os.ReadFile(s.logFile)
	if err != nil {
		return []byte(err.Error())
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-logTail):], []byte("\n"))
}

// fatal is an error that no waiting changes.
type fatal struct{ error }

// poll repeats f until it returns nil, a fatal error, or the limit is over; the
// last error is returned.
func poll(limit time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		if f := (*fatal)(nil); errors.As(err, &f) {
			return f.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("after %s: %w", limit, err)
		case <-tick.C:
		}
	}
}
