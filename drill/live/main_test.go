package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/aetherlink/aether/drill"
)

// TestMain makes this binary other programs too.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "guard" && os.Args[3] == "--detach" {
		if err := Detach(os.Args[0], os.Args[1:3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 3 && os.Args[1] == "guard" {
		if err := RunGuard(os.Stdin, os.Stdout, os.Stderr, os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	switch os.Getenv("LIVE_TEST_ROLE") {
	case "runner":
		os.Exit(runnerMain())
	case "armed":
		os.Exit(armedMain())
	case "service":
		os.Exit(serviceMain())
	}
	os.Exit(m.Run())
}

// serviceMain runs until it is told to end, or however its first argument says.
func serviceMain() int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	how := os.Getenv("SERVICE_HOW")
	if mark := os.Getenv("SERVICE_STARTED"); mark != "" {
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			return 9
		}
	}
	switch how {
	case "dies":
		fmt.Println("its last words")
		return 7
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		select {}
	case "parent": // of another one that ignores SIGTERM
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "SERVICE_HOW=stubborn", "SERVICE_STARTED=")
		if err := child.Start(); err != nil {
			return 9
		}
	}
	<-term
	return 0
}

// runnerMain starts a guard and a service under it, says so, and hangs.
func runnerMain() int {
	dir := os.Getenv("RUNNER_DIR")
	guard, err := StartGuard(context.Background(), guardConfig(dir))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	p, err := NewProcess(ProcessConfig{
		Command: []string{os.Args[0]}, Guard: guard, Output: filepath.Join(dir, "out"), StopTimeout: time.Second,
		Env: append(os.Environ(), "LIVE_TEST_ROLE=service", "SERVICE_HOW=parent"),
	})
	if err == nil {
		err = p.Start()
	}
	fmt.Println("up", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 1
}

// armedMain arms a detached guard, stops its target, and hangs.
func armedMain() int {
	var spec drill.ExecSpec
	if err := json.Unmarshal([]byte(os.Getenv("ARMED_SPEC")), &spec); err != nil {
		return 1
	}
	wait, err := time.ParseDuration(os.Getenv("ARMED_DEADLINE"))
	if err != nil {
		return 2
	}
	ctx := context.Background()
	guard, err := StartGuard(ctx, GuardConfig{Self: os.Args[0], Args: []string{"guard"}, Log: os.Getenv("ARMED_LOG"), Detached: true})
	if err != nil {
		return 3
	}
	e := NewExec(spec)
	intent, err := e.Plan(ctx)
	intent.Deadline = time.Now().Add(wait)
	if err != nil || guard.Arm(intent) != nil || e.Stop(ctx, intent) != nil {
		return 4
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 5
}

// memory is a journal that is kept in memory.
type memory struct{ bytes.Buffer }

func (*memory) Sync() error { return nil }

func newTestTape() *Tape { return NewTape(&memory{}) }

func awaitFact(t *testing.T, tape *Tape, what string, ok func(*drill.Facts) bool) {
	t.Helper()
	ctx, cancel := limited(t)
	defer cancel()
	if err := tape.Until(ctx, ok); err != nil {
		t.Fatalf("waited in vain until %s: %v", what, err)
	}
}

func awaitThat(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := limited(t)
	defer cancel()
	for !ok() {
		if pause(ctx, 10*time.Millisecond) != nil {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func limited(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), 20*time.Second)
}
