//go:build integration && linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/aetherlink/aether/internal/realworld"
	"github.com/aetherlink/aether/promcheck"
)

// city is what many sites share: an engine with our image, and a broker.
type city struct {
	engine *realworld.Engine
	broker *realworld.Broker
	sites  atomic.Int32
}

const realImage = "aether:test"

func newCity(t *testing.T, o realworld.KafkaOptions) *city {
	t.Helper()
	c := &city{engine: realworld.Docker(t)}
	c.engine.BuildImage(realImage, realworld.Binary(t))
	o.Gateway = c.engine.Gateway
	c.broker = realworld.Kafka(t, o)
	return c
}

// site is one bridge in a container, with a topic and a Prometheus of its own.
type site struct {
	*city
	name, topic, group string
	addr               string // host:port of the bridge, on this machine
	run                realworld.Container
	id                 string // of the container
	prom               *realworld.Prom
}

// siteOptions change what is usual.
type siteOptions struct {
	container func(*realworld.Container)
	prom      realworld.PrometheusOptions
	topic     map[string]string // its configuration
	noLabel   bool
	start     func(*site) (id string) // instead of the engine
}

func (c *city) site(t *testing.T, o siteOptions) *site {
	t.Helper()
	n := c.sites.Add(1)
	s := &site{city: c, name: fmt.Sprintf("bridge-%d", n), topic: fmt.Sprintf("events-%d", n), group: fmt.Sprintf("group-%d", n), addr: realworld.HoldPort(t)}
	c.broker.CreateTopic(s.topic, 3, o.topic)
	s.run = realworld.Container{
		Name: s.name, Image: realImage, Labels: map[string]string{"aether.drill": "allow"},
		Env: []string{"KAFKA_BROKERS=" + c.broker.Inside, "KAFKA_TOPIC=" + s.topic, "KAFKA_GROUP=" + s.group}, Ports: map[string]string{"9010": s.addr},
		Args:    []string{"serve", "--instance-id", s.name}, // the group knows it again when it is made anew
		Restart: container.RestartPolicyUnlessStopped,       // the usual one of such a service
	}
	if o.noLabel {
		s.run.Labels = nil
	}
	if o.container != nil {
		o.container(&s.run)
	}
	if o.start == nil {
		o.start = func(s *site) string { return c.engine.Run(s.run) }
	}
	s.id = o.start(s)
	s.awaitReady(t)
	o.prom.Target = s.addr
	s.prom = realworld.Prometheus(t, o.prom)
	return s
}

func (s *site) awaitReady(t *testing.T) {
	t.Helper()
	awaitThat(t, s.name+" is ready", func() bool {
		resp, err := http.Get("http://" + s.addr + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// spec writes one for the site; changes are pairs of what stands there and what
// is to.
func (s *site) spec(t *testing.T, changes ...string) string {
	t.Helper()
	text := fmt.Sprintf(`version: 1
name: %s
target: {docker: {container: %s, host: %q}}
bridge: {url: "http://%s"}
kafka: {brokers: [%q], topic: %s, group: %s}
prometheus:
  url: %s
  target: {job: crm-events}
  alert: {name: CrmEventsServiceDown}
  counter: crm_events_messages_total
outage: {until: alert-firing, max: 10m}
`, s.name, s.name, s.engine.Host, s.addr, s.broker.Addr, s.topic, s.group, s.prom.URL)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("the spec has no %q", changes[i])
		}
		text = strings.ReplaceAll(text, changes[i], changes[i+1])
	}
	path := filepath.Join(t.TempDir(), "drill.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// running says whether the site's own container runs; gone, whether it is not
// there any more.
func (s *site) running(t *testing.T) (running, gone bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := s.engine.Client().ContainerInspect(ctx, s.id)
	if errdefs.IsNotFound(err) {
		return false, true
	}
	if err != nil {
		t.Fatal(err)
	}
	return c.State.Running, false
}

// kept says whether an intent is left on the engine.
func (s *site) kept(t *testing.T) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err := s.engine.Client().ContainerInspect(ctx, "aether-drill."+s.name)
	if err != nil && !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil
}

// wantBack: the container runs, and no trace of a drill is left.
func (s *site) wantBack(t *testing.T, d *drillProcess) {
	t.Helper()
	if running, _ := s.running(t); !running {
		t.Errorf("container %s does not run; the drill said:\n%s", s.name, d.said())
	}
	if s.kept(t) {
		t.Errorf("an intent is left on the engine")
	}
	awaitThat(t, "no process of the drill is left", func() bool { return len(d.processes()) == 0 })
}

// code waits for the end and compares.
func (d *drillProcess) wantCode(t *testing.T, want int) {
	t.Helper()
	if code := d.wait(t); code != want {
		t.Errorf("exit code %d, want %d; it said:\n%s", code, want, d.said())
	}
}

func (d *drillProcess) wantSaid(t *testing.T, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(d.said(), w) {
			t.Errorf("it does not say %q:\n%s", w, d.said())
		}
	}
}

// aether runs the program to its end.
func aether(t *testing.T, env []string, args ...string) (code int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var o, e bytes.Buffer
	cmd := exec.CommandContext(ctx, "aether", args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// alert is the state of the site's alert, as Prometheus has it.
func (s *site) alert(t *testing.T) string {
	t.Helper()
	client, err := promcheck.New(promcheck.Options{URL: s.prom.URL})
	if err != nil {
		t.Fatal(err)
	}
	rule, err := client.Rule(t.Context(), "CrmEventsServiceDown", nil)
	if err != nil {
		t.Fatal(err)
	}
	return rule.State
}

// awaitQuiet waits until Prometheus has seen the bridge up, and said after that
// that the alert is inactive.
func (s *site) awaitQuiet(t *testing.T) {
	t.Helper()
	client, err := promcheck.New(promcheck.Options{URL: s.prom.URL})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	awaitThat(t, "the alert is inactive", func() bool {
		targets, err := client.Target(t.Context(), map[string]string{"job": "crm-events"})
		if err != nil || len(targets) != 1 || targets[0].Health != "up" || targets[0].LastScrape.Before(began) {
			return false
		}
		rule, err := client.Rule(t.Context(), "CrmEventsServiceDown", nil)
		return err == nil && rule.State == "inactive" && rule.LastEvaluation.After(targets[0].LastScrape)
	})
}

// killAll ends the runner and everything that it started, the watchdog too.
func (d *drillProcess) killAll(t *testing.T) {
	t.Helper()
	for _, sig := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} { // first nobody may notice
		for _, path := range d.processes() {
			if pid, err := strconv.Atoi(strings.Split(path, "/")[2]); err == nil {
				_ = syscall.Kill(pid, sig)
			}
		}
	}
	awaitThat(t, "all of the drill is dead", func() bool { return len(d.processes()) == 0 })
}
