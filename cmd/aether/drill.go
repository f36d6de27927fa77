package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/drill/checks"
)

func (a *app) drillCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "drill", Short: "Stop the bridge on purpose, and account for every event",
		Example: "  aether drill run\n  aether drill init > drill.yaml && aether drill run drill.yaml",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.runCmd(), a.initCmd(), a.validateCmd(), a.produceCmd(), a.recoverCmd())
	return c
}

func (a *app) initCmd() *cobra.Command {
	embedded := false
	c := &cobra.Command{
		Use: "init", Short: "Print a commented spec to start from",
		Example: "  aether drill init > drill.yaml\n  aether drill init --embedded > rehearsal.yaml",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text := realSpec
			if embedded {
				text = embeddedSpec
			}
			_, err := io.WriteString(a.out, text)
			return err
		},
	}
	c.Flags().BoolVar(&embedded, "embedded", false, "the one that drill run uses without SPEC")
	return c
}

func (a *app) validateCmd() *cobra.Command {
	return &cobra.Command{
		Use: "validate SPEC", Short: "Check a spec and print it as it takes effect, secrets masked",
		Example: "  aether drill validate drill.yaml\n  aether drill init | aether drill validate -",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := a.loadSpec(args[0])
			if err != nil {
				return err
			}
			return a.printSpec(s)
		},
	}
}

// printSpec writes the spec as YAML. It goes through JSON, which masks.
func (a *app) printSpec(s drill.Spec) error {
	masked, err := s.Masked()
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(masked)
	if err != nil {
		return fmt.Errorf("print spec: %w", err)
	}
	_, err = a.out.Write(text)
	return err
}

// loadSpec reads a file, or standard input for "-".
func (a *app) loadSpec(path string) (drill.Spec, error) {
	read := func() ([]byte, error) { return os.ReadFile(path) }
	if path == "-" {
		read = func() ([]byte, error) { return io.ReadAll(a.in) }
	}
	text, err := read()
	if err != nil {
		return drill.Spec{}, usage("read spec: %w", err)
	}
	s, err := drill.LoadSpec(text, a.env)
	if err == nil {
		err = knownChecks(s.Checks.Skip)
	}
	if err != nil {
		return drill.Spec{}, usage("spec %s:\n%w", path, indented(err))
	}
	return s, nil
}

// knownChecks: a name that is none would skip nothing, and nobody would notice.
func knownChecks(ids []string) error {
	var all []string
	for _, c := range checks.All() {
		all = append(all, c.ID)
	}
	for _, id := range ids {
		if !slices.Contains(all, id) {
			return drill.Problem{Path: "checks.skip", Reason: fmt.Sprintf("%q is no check; there are %s", id, strings.Join(all, ", "))}
		}
	}
	return nil
}

// indented puts every line of an error under its heading.
func indented(err error) error {
	return errors.New("  " + strings.ReplaceAll(err.Error(), "\n", "\n  "))
}
