package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/aetherlink/aether/drill/embedded"
	"github.com/aetherlink/aether/drill/live"
)

// world is what a drill runs in, with what that stands on.
type world struct {
	*live.World
	close []func() error // in reverse
}

// openWorld opens the one that the spec describes.
func (a *app) openWorld(ctx context.Context, o *live.Options, out *outDir) (_ *world, err error) {
	w := &world{}
	defer func() {
		if err != nil {
			w.end(io.Discard)
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if o.Spec.Embedded != nil {
		return w, w.openEmbedded(ctx, *o, self)
	}
	if w.World, err = live.OpenReal(ctx, o.Spec, a.env, o.Log); err != nil {
		return nil, err
	}
	if c, ok := w.Target.(io.Closer); ok {
		w.close = append(w.close, c.Close)
	}
	if err := a.confirm(ctx, w.World, o); err != nil {
		return nil, err
	}
	w.close = append(w.close, out.dropEmptyWatchdog)
	o.Watchdog, err = w.startGuard(ctx, live.GuardConfig{Self: self, Args: []string{"guard"}, Log: filepath.Join(out.path, watchdogName), Detached: true})
	return w, err
}

func (w *world) openEmbedded(ctx context.Context, o live.Options, self string) error {
	dir, err := os.MkdirTemp("", "aether-drill-")
	if err != nil {
		return fmt.Errorf("make temporary folder: %w", err)
	}
	w.close = append(w.close, func() error { return os.RemoveAll(dir) })
	guard, err := w.startGuard(ctx, live.GuardConfig{Self: self, Args: []string{"guard"}, Dir: dir, Log: filepath.Join(dir, "guard.log")})
	if err != nil {
		return err
	}
	e, err := embedded.Open(ctx, embedded.Options{Spec: o.Spec, Dir: dir, Self: self, Guard: guard, Log: o.Log})
	if err != nil {
		return err
	}
	w.World, w.close = e.World, append(w.close, e.Close)
	return nil
}

func (w *world) startGuard(ctx context.Context, c live.GuardConfig) (*live.Guard, error) {
	g, err := live.StartGuard(ctx, c)
	if err == nil {
		w.close = append(w.close, g.Close)
	}
	return g, err
}

// end closes everything in reverse. What goes wrong then is said, and changes
// no verdict.
func (w *world) end(to io.Writer) {
	var errs []error
	for i := len(w.close) - 1; i >= 0; i-- {
		errs = append(errs, w.close[i]())
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintf(to, "aether: clean up: %v\n", err)
	}
}

// terminal says whether somebody can be asked.
func (a *app) terminal() bool {
	f, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// confirm asks at a terminal for the name of a container that did not opt in.
// Elsewhere only --confirm says it.
func (a *app) confirm(ctx context.Context, w *live.World, o *live.Options) error {
	shared, ok := w.Target.(live.Shared)
	if !ok || o.Confirm != "" || !a.terminal() {
		return nil
	}
	c, err := shared.About(ctx)
	if errors.Is(err, live.ErrGone) {
		return nil // preflight says so, with a report
	}
	if err != nil || c.OptedIn() {
		return err
	}
	fmt.Fprintf(a.err, "This stops container %s (image %s) on %s\nand sends %d events to %s on %s.\nIts name, to go on: ",
		c.Name, c.Image, c.Host, o.Spec.Backlog.Events, o.Spec.Kafka.Topic, strings.Join(o.Spec.Kafka.Brokers, ", "))
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return fmt.Errorf("read the answer: %w", err)
	}
	o.Confirm = strings.TrimSpace(line)
	return nil
}
