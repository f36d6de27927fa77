//go:build integration && linux

package realworld

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"

	"github.com/aetherlink/aether/monitoring"
)

// PrometheusOptions is what a server watches, and how fast.
type PrometheusOptions struct {
	// Scrape and Evaluate are the intervals, default 1 s; For is what the alert
	// CrmEventsServiceDown waits, default 10 s.
	Scrape, Evaluate, For time.Duration
	// Target is host:port of the job crm-events, LagTarget of the job
	// kafka-exporter; "" leaves the job out.
	Target, LagTarget string
	// Alertmanager is host:port of where alerts go, "" for nowhere.
	Alertmanager string
	// PathPrefix puts the whole server below a path, such as /prom.
	PathPrefix string
	// User and Password are asked for where they are not empty.
	User, Password string
}

// Prom is a Prometheus server.
type Prom struct {
	// URL has the path prefix and no slash at its end. It stays the same over
	// restarts.
	URL string

	srv *server
}

// Prometheus starts a server on the rules of this repository, with the interval
// of their groups and what CrmEventsServiceDown waits replaced.
func Prometheus(t testing.TB, o PrometheusOptions) *Prom {
	t.Helper()
	dir, addr := t.TempDir(), HoldPort(t)
	p := &Prom{URL: "http://" + addr + strings.TrimSuffix(o.PathPrefix, "/")}
	o = o.withDefaults()
	write(t, filepath.Join(dir, "rules.yml"), o.rules(t))
	argv := []string{
		"prometheus", "--config.file=" + write(t, filepath.Join(dir, "prometheus.yml"), []byte(o.config())),
		"--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr,
		"--web.external-url=" + p.URL, "--web.enable-lifecycle",
	}
	if o.User != "" {
		argv = append(argv, "--web.config.file="+write(t, filepath.Join(dir, "web.yml"), o.web(t)))
	}
	ready := func(ctx context.Context) error { return answers(ctx, p.URL+"/-/ready", o.User, o.Password) }
	p.srv = &server{t: t, name: "Prometheus", argv: argv, logFile: filepath.Join(dir, "prometheus.log"), ready: ready}
	t.Cleanup(p.srv.cleanup)
	p.srv.start()
	return p
}

// Stop ends the server in order.
func (p *Prom) Stop() { p.srv.t.Helper(); p.srv.stop(syscall.SIGTERM) }

// Start starts a stopped server on the same address and samples.
func (p *Prom) Start() { p.srv.t.Helper(); p.srv.start() }

func (o PrometheusOptions) withDefaults() PrometheusOptions {
	for d, otherwise := range map[*time.Duration]time.Duration{&o.Scrape: time.Second, &o.Evaluate: time.Second, &o.For: 10 * time.Second} {
		if *d == 0 {
			*d = otherwise
		}
	}
	return o
}

// rules is the project's own file on this server's clock.
func (o PrometheusOptions) rules(t testing.TB) []byte {
	t.Helper()
	var file struct {
		Groups []struct {
			Name     string
			Interval string
			Rules    []map[string]any
		}
	}
	if err := yaml.Unmarshal(monitoring.Rules(), &file); err != nil {
		t.Fatalf("read rules: %v", err)
	}
	found := false
	for i := range file.Groups {
		file.Groups[i].Interval = model.Duration(o.Evaluate).String()
		for _, r := range file.Groups[i].Rules {
			if r["alert"] == "CrmEventsServiceDown" {
				r["for"], found = model.Duration(o.For).String(), true
			}
		}
	}
	if !found {
		t.Fatal("the rules have no alert CrmEventsServiceDown")
	}
	out, err := yaml.Marshal(file)
	if err != nil {
		t.Fatalf("write rules: %v", err)
	}
	return out
}

func (o PrometheusOptions) config() string {
	text := fmt.Sprintf("global: {scrape_interval: %s, evaluation_interval: %s}\nrule_files: [rules.yml]\n",
		model.Duration(o.Scrape), model.Duration(o.Evaluate))
	if o.Alertmanager != "" {
		text += fmt.Sprintf("alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}\n", o.Alertmanager)
	}
	text += "scrape_configs:\n"
	const job = "  - {job_name: %s, static_configs: [{targets: [%q], labels: {%s}}]}\n"
	if o.Target != "" {
		text += fmt.Sprintf(job, "crm-events", o.Target, "service: crm-events, component: events, project: Aetherlink, module: CRM-Events")
	}
	if o.LagTarget != "" {
		text += fmt.Sprintf(job, "kafka-exporter", o.LagTarget, "")
	}
	return text
}

func (o PrometheusOptions) web(t testing.TB) []byte {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(o.Password), bcrypt.MinCost)
	if err != nil {
		t.Fatalf("hash password: %v", err)
	}
	return fmt.Appendf(nil, "basic_auth_users: {%q: %q}\n", o.User, hash)
}

// answers: a GET is answered with 200.
func answers(ctx context.Context, url, user, password string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s answered %s", url, resp.Status)
	}
	return nil
}
