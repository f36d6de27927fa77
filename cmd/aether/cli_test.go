package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/aetherlink/aether/drill"
)

func TestCLI(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/cli", RequireExplicitExec: true})
}

// Every command that people see has an example and says what it does.
func TestEveryCommandHasAnExample(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Example == "" || c.Short == "" {
			t.Errorf("%s has no example, or does not say what it does", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk((&app{in: strings.NewReader(""), out: io.Discard, err: io.Discard, env: os.LookupEnv}).root())
}

// The spec that init --embedded prints is what run uses, and nothing but the
// defaults written out.
func TestEmbeddedSpecIsTheDefaults(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	printed, err := drill.LoadSpec([]byte(embeddedSpec), none)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := drill.LoadSpec([]byte("version: 1\nembedded: {}\n"), none)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bare, printed, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-version: 1, embedded: {} +init --embedded)\n%s", diff)
	}
}

// The whole way, once: the drill of the README through the real main.
func TestDrillRunPasses(t *testing.T) {
	out := filepath.Join(t.TempDir(), "drill")
	d := startDrill(t, "--out", out)
	if code := d.wait(t); code != exitPass {
		t.Fatalf("exit code %d; it said:\n%s", code, d.said())
	}
	if got, want := strings.TrimSpace(d.out.String()), filepath.Join(out, reportName); got != want {
		t.Errorf("standard output is %q, want the report's path %q", got, want)
	}
	r := d.result(t)
	if r.Verdict != drill.Pass || len(r.Checks) != 20 || r.Ledger.Once != 200 {
		t.Errorf("%s, %d checks, %d of 200 delivered once", r.Verdict, len(r.Checks), r.Ledger.Once)
	}
	for _, f := range r.Checks {
		if f.Verdict != drill.Pass || len(f.Evidence) == 0 {
			t.Errorf("%s: %s on %d lines", f.Check, f.Verdict, len(f.Evidence))
		}
	}
	report, err := os.ReadFile(filepath.Join(out, reportName))
	if err != nil {
		t.Fatal(err)
	}
	if first := strings.SplitN(string(report), "\n", 4); len(first) < 4 || !strings.Contains(first[0], "PASS") {
		t.Errorf("the report begins\n%s", report[:min(len(report), 300)])
	}
	d.wantNothingLeft(t)
}

// result reads result.json.
func (d *drillProcess) result(t *testing.T) (r drill.Result) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.outDir, resultName))
	if err != nil {
		t.Fatalf("%v; it said:\n%s", err, d.said())
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}
