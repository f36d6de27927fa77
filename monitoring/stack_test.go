package monitoring

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const bridge = "crm-events"

type service struct {
	Image         string
	ContainerName string `yaml:"container_name"`
	Networks      []string
	Ports         []string
	Volumes       []string
	Command       []string
	Labels        map[string]string
	Environment   map[string]string
	DependsOn     map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck   struct{ Test []string }
}

type compose struct {
	Services map[string]service
	Networks map[string]struct{ Name string }
}

type static struct {
	Targets []string
	Labels  map[string]string
}

type prometheusFile struct {
	Alerting struct {
		Alertmanagers []struct {
			Static []static `yaml:"static_configs"`
		}
	}
	Jobs []struct {
		Name     string   `yaml:"job_name"`
		Interval string   `yaml:"scrape_interval"`
		Static   []static `yaml:"static_configs"`
	} `yaml:"scrape_configs"`
}

type alertmanagerFile struct {
	Route struct {
		Receiver string
		Routes   []struct {
			Receiver string
			Matchers []string
		}
	}
	Inhibit []struct {
		Source []string `yaml:"source_matchers"`
		Target []string `yaml:"target_matchers"`
		Equal  []string
	} `yaml:"inhibit_rules"`
}

type rule struct {
	Alert, Expr string
	Labels      map[string]string
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
}

func alerts(t *testing.T) (list []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	read(t, "rules/crm-events.rules.yml", &file)
	for _, g := range file.Groups {
		list = append(list, g.Rules...)
	}
	return slices.DeleteFunc(list, func(r rule) bool { return r.Alert == "" })
}

// The names and ports that everybody's notes and specs have.
func TestComposeNamesAndPorts(t *testing.T) {
	var c compose
	read(t, "compose.yaml", &c)
	got := map[string][2]string{}
	for name, s := range c.Services {
		got[name] = [2]string{s.ContainerName, strings.Join(s.Ports, " ")}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s: %s is published on every address", name, p)
			}
		}
		if !slices.Equal(s.Networks, []string{"aether-monitoring"}) {
			t.Errorf("%s is in %v", name, s.Networks)
		}
		for _, v := range s.Volumes {
			if from, _, _ := strings.Cut(v, ":"); strings.HasPrefix(from, ".") {
				if _, err := os.Stat(from); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if want := name == bridge; (s.Labels["aether.drill"] == "allow") != want {
			t.Errorf("%s: drills allowed: %v", name, !want)
		}
	}
	if diff := cmp.Diff(map[string][2]string{
		"kafka":        {"kafka", "127.0.0.1:19092:19092"},
		"kafka-topic":  {"", ""},
		"crm-events":   {"aether-crm-events", "127.0.0.1:9010:9010"},
		"prometheus":   {"aether-prom", "127.0.0.1:9090:9090"},
		"alertmanager": {"aether-alertmanager", "127.0.0.1:9093:9093"},
	}, got); diff != "" {
		t.Errorf("compose.yaml (-want +got):\n%s", diff)
	}
	if c.Networks["aether-monitoring"].Name != "aether-monitoring" {
		t.Error("the network's name depends on the folder")
	}
}

func TestComposeBridge(t *testing.T) {
	var c compose
	read(t, "compose.yaml", &c)
	s := c.Services[bridge]
	if diff := cmp.Diff(map[string]string{
		"KAFKA_BROKERS": "kafka:9092", "KAFKA_TOPIC": "aetherlink.events", "KAFKA_GROUP": "crm-events-sse", "KAFKA_OFFSET_RESET": "earliest", "PORT": "9010",
	}, s.Environment); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if !slices.Equal(s.Healthcheck.Test, []string{"CMD", "/aether", "healthcheck"}) {
		t.Errorf("health check %v: the image has no shell", s.Healthcheck.Test)
	}
	if s.DependsOn["kafka-topic"].Condition != "service_completed_successfully" {
		t.Errorf("it starts before its topic is there: %v", s.DependsOn)
	}
	for _, arg := range []string{"--topic=aetherlink.events", "--partitions=3", "--bootstrap-server=kafka:9092"} {
		if !slices.Contains(c.Services["kafka-topic"].Command, arg) {
			t.Errorf("the topic is made without %s", arg)
		}
	}
	kafka := c.Services["kafka"].Environment
	for _, listener := range []string{"PLAINTEXT://kafka:9092", "HOST://127.0.0.1:19092"} {
		if !slices.Contains(strings.Split(kafka["KAFKA_ADVERTISED_LISTENERS"], ","), listener) {
			t.Errorf("Kafka does not advertise %s", listener)
		}
	}
}

func TestPrometheusFindsTheStack(t *testing.T) {
	var c compose
	var p prometheusFile
	read(t, "compose.yaml", &c)
	read(t, "prometheus.yml", &p)
	jobs := map[string]bool{}
	targets := []string{}
	for _, j := range p.Jobs {
		jobs[j.Name] = true
		for _, s := range j.Static {
			targets = append(targets, s.Targets...)
			if diff := cmp.Diff(map[string]string{"service": "crm-events", "component": "events", "project": "Aetherlink", "module": "CRM-Events"}, s.Labels); diff != "" {
				t.Errorf("labels of %s (-want +got):\n%s", j.Name, diff)
			}
		}
		if j.Interval != "15s" {
			t.Errorf("%s is scraped every %s: the rules' windows are for 15s", j.Name, j.Interval)
		}
	}
	for _, a := range p.Alerting.Alertmanagers {
		for _, s := range a.Static {
			targets = append(targets, s.Targets...)
		}
	}
	if len(targets) != 2 {
		t.Errorf("targets and Alertmanagers: %v", targets)
	}
	for _, target := range targets {
		name, port, _ := strings.Cut(target, ":")
		if ports := c.Services[name].Ports; len(ports) != 1 || !strings.HasSuffix(ports[0], ":"+port) {
			t.Errorf("%s: no such service and port in compose.yaml", target)
		}
	}
	for _, r := range alerts(t) {
		for _, job := range selectedJobs(t, r.Expr) {
			if !jobs[job] {
				t.Errorf("%s watches the job %s, which is not scraped", r.Alert, job)
			}
		}
	}
}

func selectedJobs(t *testing.T, expr string) (jobs []string) {
	t.Helper()
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatalf("parse %s: %v", expr, err)
	}
	for _, selector := range parser.ExtractSelectors(tree) {
		for _, m := range selector {
			if m.Name == "job" && m.Type == labels.MatchEqual {
				jobs = append(jobs, m.Value)
			}
		}
	}
	return jobs
}

func TestAlertsAreRoutedAndInhibited(t *testing.T) {
	var a alertmanagerFile
	read(t, "alertmanager.yml", &a)
	if len(a.Route.Routes) != 1 || a.Route.Routes[0].Receiver == a.Route.Receiver {
		t.Fatalf("routes: %+v", a.Route)
	}
	if len(a.Inhibit) != 1 {
		t.Fatalf("inhibition: %+v", a.Inhibit)
	}
	i := a.Inhibit[0]
	sources, targets := 0, 0
	for _, r := range alerts(t) {
		for _, m := range a.Route.Routes[0].Matchers {
			name, value, _ := strings.Cut(m, "=")
			if r.Labels[name] != strings.Trim(value, `"`) {
				t.Errorf("%s is not routed to %s: %s", r.Alert, a.Route.Routes[0].Receiver, m)
			}
		}
		source, target := mentions(i.Source, r.Alert), mentions(i.Target, r.Alert)
		if source {
			sources++
		}
		if target {
			targets++
		}
		for _, name := range i.Equal {
			if (source || target) && r.Labels[name] == "" {
				t.Errorf("%s has no %s to be inhibited by", r.Alert, name)
			}
		}
	}
	if sources != 1 || targets != 2 {
		t.Errorf("inhibition names %d and %d alerts that exist", sources, targets)
	}
}

// mentions: an alert's name, alone or as one of name|name.
func mentions(matchers []string, alert string) bool {
	return slices.ContainsFunc(matchers, func(m string) bool {
		_, value, _ := strings.Cut(m, `"`)
		return strings.HasPrefix(m, "alertname=") && slices.Contains(strings.Split(strings.TrimSuffix(value, `"`), "|"), alert)
	})
}
