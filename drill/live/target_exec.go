package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/aetherlink/aether/drill"
)

// Exec is a target behind commands of somebody's own: systemd, kubectl,
// compose. Safe for concurrent use as far as the commands are.
type Exec struct{ spec drill.ExecSpec }

const kindExec = "exec"

// NewExec runs nothing yet.
func NewExec(spec drill.ExecSpec) *Exec { return &Exec{spec: spec} }

func (e *Exec) name() string { return strings.Join(e.spec.Stop, " ") }

// Plan implements Target.
func (e *Exec) Plan(ctx context.Context) (drill.Intent, error) {
	s, err := e.State(ctx)
	if err != nil {
		return drill.Intent{}, err
	}
	if !s.Running {
		return drill.Intent{}, fmt.Errorf("the target does not run: %s says so", strings.Join(e.spec.State, " "))
	}
	data, err := json.Marshal(e.spec)
	if err != nil {
		return drill.Intent{}, fmt.Errorf("encode intent: %w", err)
	}
	return drill.Intent{Kind: kindExec, Target: e.name(), ID: s.ID, Undo: quoted(e.spec.Start), Data: data}, nil
}

// Stop implements Target: the command has ended, and state says stopped.
func (e *Exec) Stop(ctx context.Context, _ drill.Intent) error {
	if _, err := command(ctx, e.spec.Stop); err != nil {
		return fmt.Errorf("target.exec.stop: %w", err)
	}
	return e.await(ctx, false)
}

// Restore implements Target. The start command is run whatever the state is: a
// stop may still be under way, and starting what runs changes nothing in the
// systems that this is for.
func (e *Exec) Restore(ctx context.Context, _ drill.Intent) error {
	if _, err := command(ctx, e.spec.Start); err != nil {
		return fmt.Errorf("target.exec.start: %w", err)
	}
	return e.await(ctx, true)
}

// stateLimit is how long a state may take to follow its command.
const stateLimit = 30 * time.Second

func (e *Exec) await(ctx context.Context, running bool) error {
	ctx, cancel := context.WithTimeout(ctx, stateLimit)
	defer cancel()
	for {
		s, err := e.State(ctx)
		if err == nil && s.Running == running {
			return nil
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return errors.Join(fmt.Errorf("target.exec.state does not say %s within %s", map[bool]string{true: "running", false: "stopped"}[running], stateLimit), err)
		}
	}
}

// State implements Target. Commands tell neither when nor how a target ended.
func (e *Exec) State(ctx context.Context) (drill.TargetState, error) {
	code, err := command(ctx, e.spec.State)
	switch {
	case err == nil:
		return drill.TargetState{ID: e.name(), Running: true}, nil
	case code == 1:
		return drill.TargetState{ID: e.name()}, nil
	}
	return drill.TargetState{}, fmt.Errorf("target.exec.state: %w; it has to exit 0 for running and 1 for stopped", err)
}

// command runs to its end. code is −1 where the program did not come so far.
func command(ctx context.Context, argv []string) (code int, err error) {
	var said bytes.Buffer
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Stdout, c.Stderr = &said, &said
	c.WaitDelay = time.Second // a child of its own may hold the output open
	if err := c.Run(); err != nil {
		code = -1
		if c.ProcessState != nil {
			code = c.ProcessState.ExitCode()
		}
		words := said.Bytes()
		if len(words) > tailBytes {
			words = words[len(words)-tailBytes:]
		}
		return code, fmt.Errorf("%s: %w: %s", quoted(argv), err, bytes.TrimSpace(bytes.ToValidUTF8(words, []byte("?"))))
	}
	return 0, nil
}

// quoted is a command as it may be typed.
func quoted(argv []string) string {
	words := make([]string, len(argv))
	for i, w := range argv {
		words[i] = w
		if w == "" || strings.ContainsAny(w, " \t\n\"'$`\\|&;<>()*?[]{}~#!") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
