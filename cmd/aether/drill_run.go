package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/drill/checks"
	"github.com/aetherlink/aether/drill/live"
)

type runFlags struct {
	events   int
	out      string
	realtime bool
	quiet    bool
	allow    []string
	confirm  string
	silence  bool
}

func (a *app) runCmd() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use: "run [SPEC]", Short: "Run a drill; without SPEC a rehearsal that needs nothing installed",
		Long: "Run a drill. Without SPEC it rehearses on a world of its own, needs nothing installed and touches nothing.\n" +
			"The path of the report goes to standard output.\n\n" + exitHelp,
		Example: `  aether drill run
  aether drill run --events 200000
  aether drill run drill.yaml --out /tmp/drill --allow outage-too-short`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.drillRun(c, args, f) },
	}
	fs := c.Flags()
	fs.IntVar(&f.events, "events", 0, "events of the backlog, instead of the spec's")
	fs.StringVar(&f.out, "out", "", "folder for what the drill leaves behind (default drills/ID)")
	fs.BoolVar(&f.realtime, "realtime", false, "embedded world with a production clock: scrape 15s, evaluate 15s, for 2m (takes about five minutes)")
	fs.BoolVar(&f.quiet, "quiet", false, "no progress")
	fs.StringVar(&f.confirm, "confirm", "", "name of the container, to stop one that does not carry the label aether.drill=allow")
	fs.BoolVar(&f.silence, "silence", false, "silence the alert in Alertmanager for the time of the drill")
	fs.StringSliceVar(&f.allow, "allow", nil, "override a refusal by its name: "+strings.Join(live.RefusalIDs(), ", "))
	return c
}

const exitHelp = `Exit codes: 0 pass, 1 fail, 2 usage or spec error, 3 inconclusive, 4 refused before the fault,
5 target not restored, 70 internal error, 130 or 143 interrupted with the target restored.`

// drillRun checks everything that can be checked before anything is started.
func (a *app) drillRun(c *cobra.Command, args []string, f runFlags) error {
	spec, err := a.runSpec(c, args, f)
	if err != nil {
		return err
	}
	for _, id := range f.allow {
		if !live.KnownRefusal(id) {
			return usage("allow: %q is no reason to refuse; there are %s", id, strings.Join(live.RefusalIDs(), ", "))
		}
	}
	masked, err := spec.Masked()
	if err != nil {
		return &exit{code: exitInternal, err: err}
	}
	info := a.runInfo(masked)
	if f.out == "" {
		f.out = filepath.Join("drills", info.ID)
	}
	out, err := openOut(f.out)
	if err != nil {
		return &exit{code: exitUsage, err: err}
	}
	return a.drillIn(out, live.Options{Info: info, Spec: spec, Allow: f.allow, Confirm: f.confirm, Silence: f.silence, Checks: checks.All(), Out: out.journal}, f.quiet)
}

// runSpec is the file, or the default, with the flags over it.
func (a *app) runSpec(c *cobra.Command, args []string, f runFlags) (spec drill.Spec, err error) {
	if len(args) == 1 {
		spec, err = a.loadSpec(args[0])
	} else {
		spec, err = drill.LoadSpec([]byte(embeddedSpec), a.env)
	}
	if err != nil {
		return spec, err
	}
	if c.Flags().Changed("events") {
		spec.Backlog.Events = f.events
	}
	if f.realtime {
		if spec.Embedded == nil {
			return spec, usage("realtime: only an embedded world has a clock that can be set")
		}
		spec.Realtime()
	}
	if err := spec.Validate(); err != nil {
		return spec, usage("flags and spec together:\n%w", indented(err))
	}
	return spec, nil
}

func (a *app) runInfo(spec drill.Spec) drill.RunInfo {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	operator := "unknown"
	if u, err := user.Current(); err == nil {
		operator = u.Username
	}
	return drill.RunInfo{
		Schema: drill.Schema, ID: drillID(time.Now(), spec.Name), Version: buildVersion(), Host: host, Operator: operator,
		Platform: fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()), Spec: spec,
	}
}

// drillIn drills, and leaves what is to be left in out.
func (a *app) drillIn(out *outDir, o live.Options, quiet bool) error {
	ctx, signals := a.watchSignals()
	defer signals.stop()
	show := a.newProgress(o.Info, quiet)
	o.Progress = show.update
	o.Log = slog.New(slog.NewTextHandler(show, &slog.HandlerOptions{Level: slog.LevelWarn}))
	world, err := a.openWorld(ctx, &o, out)
	if err != nil {
		show.close()
		out.discard()
		return signals.instead(&exit{code: exitRefused, err: fmt.Errorf("nothing was drilled: %w", err)})
	}
	o.World, o.Info.World, o.Info.Notes = world.World, world.Kind, world.Notes
	if o.Silence {
		o.Info.Notes = append(o.Info.Notes, "the alert was silenced in Alertmanager for the time of the drill")
	}
	result, err := func() (drill.Result, error) {
		defer show.close()
		defer world.end(a.err)
		return live.Run(ctx, o)
	}()
	if err != nil {
		return &exit{code: exitInternal, err: err}
	}
	if err := out.write(result, o.Checks); err != nil {
		return &exit{code: exitInternal, err: err}
	}
	if err := a.summarize(out); err != nil {
		fmt.Fprintf(a.err, "aether: %v\n", err)
	}
	fmt.Fprintln(a.out, filepath.Join(out.path, reportName))
	return a.verdict(result, signals)
}

// summarize adds the report to the page of a job, where one is asked for.
func (a *app) summarize(out *outDir) error {
	path, ok := a.env("GITHUB_STEP_SUMMARY")
	if !ok || path == "" {
		return nil
	}
	report, err := os.ReadFile(filepath.Join(out.path, reportName))
	if err != nil {
		return fmt.Errorf("write job summary: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.Write(report)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("write job summary: %w", err)
	}
	return nil
}

// verdict is the exit code of a drill that came to its end, one way or another.
func (a *app) verdict(r drill.Result, signals *signals) error {
	code := map[drill.Verdict]int{drill.Pass: exitPass, drill.Fail: exitFail, drill.Inconclusive: exitInconclusive}[r.Verdict]
	switch r.Outcome {
	case drill.NotRestored:
		return &exit{code: exitNotRestored, err: errors.New("the target was NOT put back; see the report for the command that does it")}
	case drill.Interrupt:
		return signals.instead(&exit{code: exitInterrupted})
	case drill.Refused:
		return &exit{code: exitRefused}
	case drill.Died:
		return &exit{code: exitInternal, err: errors.New("the drill ended without an end")}
	}
	if code == exitPass {
		return nil
	}
	return &exit{code: code}
}

// signals turns the first signal into the end of the context. Later ones change
// nothing: putting the target back is not abandoned.
type signals struct {
	got  chan os.Signal
	quit chan struct{}
	done chan struct{}
	code int // once done is closed
}

func (a *app) watchSignals() (context.Context, *signals) {
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &signals{got: make(chan os.Signal, 8), quit: make(chan struct{}), done: make(chan struct{})}
	signal.Notify(s.got, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(s.done)
		defer cancel(nil)
		for {
			select {
			case sig := <-s.got:
				if s.code != 0 {
					fmt.Fprintln(a.err, "aether: still putting things back; this is not abandoned")
					continue
				}
				s.code = exitInterrupted
				if sig == syscall.SIGTERM {
					s.code = exitTerminated
				}
				cancel(errors.New(sig.String()))
			case <-s.quit:
				return
			}
		}
	}()
	return ctx, s
}

func (s *signals) stop() {
	signal.Stop(s.got)
	select {
	case <-s.quit:
	default:
		close(s.quit)
	}
	<-s.done
}

// instead is the code of the signal that came, else what was given.
func (s *signals) instead(e *exit) error {
	s.stop()
	if s.code != 0 {
		return &exit{code: s.code, err: e.err}
	}
	return e
}

// markOf is how a verdict looks in a list.
func markOf(v drill.Verdict) string {
	return []string{drill.Inconclusive: "?", drill.Pass: "✓", drill.Fail: "✗"}[v]
}
