package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/drill/live"
)

// hostHere is --host without an address.
const hostHere = "here"

func (a *app) recoverCmd() *cobra.Command {
	host := ""
	c := &cobra.Command{
		Use: "recover [DIR]", Short: "Put back what a dead run left stopped",
		Long: "Put back what a dead run left stopped: as the journal in DIR says, or whatever drills left on a Docker host.\n" +
			"On a host, a drill whose process lives on this machine is left alone until its deadline.\n" +
			"It may be repeated, and from another machine. It ends with 0 when everything runs, with 5 when something does not.",
		Example: `  aether drill recover drills/20261123T105001Z-crm-events-lag-recovery-7d4a
  aether drill recover --host
  aether drill recover --host=tcp://10.0.0.5:2376`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case (len(args) == 1) == (host != ""):
				return usage("recover: name a drill's folder or --host, one of them\nTry: aether drill recover --help")
			case host != "":
				return a.recoverHost(host)
			}
			return a.recoverDir(args[0])
		},
	}
	c.Flags().StringVar(&host, "host", "", "Docker host to look at; without an address the one that the docker command would use")
	c.Flags().Lookup("host").NoOptDefVal = hostHere
	return c
}

// recoverDir restores what the journal of a run intended to stop.
func (a *app) recoverDir(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		return usage("read journal: %w; name the folder of a drill", err)
	}
	records, err := drill.ReadJournal(text)
	if err != nil && !errors.Is(err, drill.ErrTorn) {
		return &exit{code: exitNotRestored, err: fmt.Errorf("read journal: %w; try `aether drill recover --host`", err)}
	}
	facts, err := drill.Fold(records)
	if err != nil {
		return &exit{code: exitNotRestored, err: fmt.Errorf("fold journal: %w; try `aether drill recover --host`", err)}
	}
	if facts.Intent == nil {
		fmt.Fprintf(a.out, "nothing to put back: drill in %s stopped nothing\n", dir)
		return nil
	}
	if facts.Run != nil && facts.Run.V.World == "embedded" {
		fmt.Fprintf(a.out, "nothing to put back: the target of %s ended with its drill\n", dir)
		return nil
	}
	return a.putBack(facts.Intent.V, func(report func(drill.Call)) error { return live.PutBack(context.Background(), facts.Intent.V, report) })
}

// recoverHost restores what every drill left behind on an engine.
func (a *app) recoverHost(address string) error {
	if address == hostHere {
		address = ""
	}
	host, err := live.ResolveDockerHost(address, a.env)
	if err != nil {
		return usage("%w", err)
	}
	engine, err := live.NewDocker(host, drill.DockerSpec{})
	if err != nil {
		return usage("%w", err)
	}
	defer engine.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	kept, err := engine.Kept(ctx)
	if err != nil {
		return &exit{code: exitNotRestored, err: err}
	}
	if len(kept) == 0 {
		fmt.Fprintln(a.out, "nothing to put back: no drill left anything here")
		return nil
	}
	var errs []error
	for _, i := range kept {
		if live.GoesOn(i) {
			fmt.Fprintf(a.out, "%s is left alone: drill %s goes on and puts it back itself\n", i.Target, i.Drill)
			continue
		}
		errs = append(errs, a.putBack(i, func(report func(drill.Call)) error { return live.PutBackOn(context.Background(), engine, i, report) }))
	}
	if err := errors.Join(errs...); err != nil {
		return &exit{code: exitNotRestored, err: err}
	}
	return nil
}

func (a *app) putBack(i drill.Intent, try func(report func(drill.Call)) error) error {
	err := try(func(c drill.Call) {
		if c.Error != "" {
			fmt.Fprintf(a.err, "aether: not yet: %s\n", c.Error)
		}
	})
	if err != nil {
		return &exit{code: exitNotRestored, err: err}
	}
	fmt.Fprintf(a.out, "%s runs (drill %s)\n", i.Target, i.Drill)
	return nil
}
