package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/aetherlink/aether"

// direction is what each package of this module may import of the module
// itself; nothing points back up. A package that is not in it is a mistake of
// whoever added it.
var direction = map[string][]string{
	"bridge":             {},
	"kafka":              {},
	"monitoring":         {},
	"lag":                {},
	"lag/collector":      {"lag"},
	"promcheck":          {},
	"promcheck/window":   {},
	"drill":              {},
	"drill/checks":       {"drill", "promcheck/window", "lag"},
	"drill/live":         {"drill", "kafka", "lag/collector", "promcheck", "promcheck/window"},
	"drill/embedded":     {"drill", "drill/live", "lag/collector", "monitoring"},
	"internal/realworld": {"monitoring"},
	"reports":            {"drill", "promcheck/window"},
	"cmd/aether":         {"bridge", "drill", "drill/checks", "drill/embedded", "drill/live", "kafka", "monitoring", "promcheck", "reports"},
}

// only is where a dependency may be imported; whoever imports it elsewhere
// ties that part of the program to it.
var only = map[string][]string{
	"github.com/spf13/cobra":                  {"cmd/aether"},
	"github.com/docker/":                      {"drill/live"},
	"github.com/moby/":                        {"drill/live"},
	"github.com/twmb/franz-go":                {"drill/embedded"},
	"github.com/prometheus/prometheus":        {"drill/embedded", "promcheck"},
	"github.com/charmbracelet/":               {"cmd/aether"},
	"github.com/IBM/sarama":                   {"bridge", "kafka", "lag/collector", "drill/live", "drill/embedded"},
	"github.com/xdg-go/":                      {"kafka"},
	"github.com/prometheus/client_golang/api": {"promcheck"},
}

// pure packages need no world: what they import, and what that imports, has
// none of these.
var pure = []string{"drill", "drill/checks", "promcheck/window", "lag", "reports", "monitoring"}

var worldly = []string{
	"net/http", "os/exec", "github.com/IBM/sarama", "github.com/docker/", "github.com/moby/", "github.com/twmb/",
	"github.com/prometheus/", "github.com/spf13/", "log/slog",
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// imports is every package of the module with what it imports itself, tests left out.
func imports(t *testing.T) map[string][]string {
	all := map[string][]string{}
	for _, line := range goList(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		parts := strings.Fields(line)
		all[strings.TrimPrefix(strings.TrimPrefix(parts[0], module), "/")] = parts[1:]
	}
	return all
}

// under: a path is an import, or below it.
func under(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
}

func TestImportsPointDown(t *testing.T) {
	found := imports(t)
	for p, list := range found {
		allowed, known := direction[p]
		if !known {
			t.Errorf("%s is new: say in the table what it may import", p)
		}
		for _, i := range list {
			if inner, ours := strings.CutPrefix(i, module+"/"); ours && !slices.Contains(allowed, inner) {
				t.Errorf("%s imports %s, which it must not", p, inner)
			}
			for dep, where := range only {
				if under(i, dep) && !slices.Contains(where, p) {
					t.Errorf("%s imports %s, which belongs to %v alone", p, i, where)
				}
			}
		}
	}
	for p := range direction {
		if _, there := found[p]; !there {
			t.Errorf("%s is in the table and not in the module", p)
		}
	}
}

// The only place outside tests for Prometheus itself is the embedded world;
// promcheck has the parser of its language and no more of it.
func TestPromcheckHasTheParserAlone(t *testing.T) {
	for _, i := range imports(t)["promcheck"] {
		if under(i, "github.com/prometheus/prometheus") && i != "github.com/prometheus/prometheus/promql/parser" {
			t.Errorf("promcheck imports %s", i)
		}
	}
}

// To judge a journal again no world is needed, and none can be reached.
func TestPurePackagesReachNoWorld(t *testing.T) {
	for _, p := range pure {
		deps := goList(t, "-deps", "./"+p)
		for _, dep := range deps {
			for _, w := range worldly {
				if under(dep, w) {
					t.Errorf("%s reaches %s", p, dep)
				}
			}
		}
	}
}
