package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker for a release, which leaves no other way than a
// package variable.
var version = ""

func main() {
	os.Exit(run(os.Args[1:], &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv}))
}

// app is the outside world of a command.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) (string, bool)
}

// run is the program; it returns the exit code, of a panic too.
func run(args []string, a *app) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(a.err, "aether: internal error: %v\n%s\nThis is a bug. What was stopped was put back, if it could be; see above.\n", p, debug.Stack())
			code = exitInternal
		}
	}()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.Execute()
	var e *exit
	switch {
	case err == nil:
		return exitPass
	case errors.As(err, &e):
		if e.err != nil {
			fmt.Fprintf(a.err, "aether: %v\n", e.err)
		}
		return e.code
	default: // cobra's: an unknown command, flag or number of arguments
		fmt.Fprintf(a.err, "aether: %v\nTry: aether --help\n", err)
		return exitUsage
	}
}

func (a *app) root() *cobra.Command {
	c := &cobra.Command{
		Use:   "aether",
		Short: "Carry a Kafka topic to browsers, and prove the story of its outage",
		Example: `  aether drill run                 # rehearse on a world of its own, nothing else needed
  aether serve --brokers kafka:9092 --topic aetherlink.events`,
		SilenceUsage: true, SilenceErrors: true,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.serveCmd(), a.drillCmd(), a.healthCmd(), a.versionCmd(), a.guardCmd())
	return c
}

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Example: "  aether version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.out, buildVersion())
			return err
		},
	}
}

// buildVersion is the linker's, else that of the module or the commit.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(len(s.Value), 12)]
		}
	}
	return "devel"
}
