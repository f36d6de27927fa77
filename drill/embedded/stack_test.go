//go:build !slim

package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/drill/live"
	"github.com/aetherlink/aether/promcheck"
)

const alert = "CrmEventsServiceDown"

func stackConfig(t *testing.T) Config {
	return Config{
		Dir: t.TempDir(), Topic: "aetherlink.events", Group: "crm-events-sse", Partitions: 3,
		Scrape: 200 * time.Millisecond, Evaluate: 200 * time.Millisecond, For: 600 * time.Millisecond, Alert: alert, Log: slog.New(slog.DiscardHandler),
	}
}

func kafkaConfig(t *testing.T) *sarama.Config {
	t.Helper()
	c, err := live.KafkaConfig(drill.KafkaSpec{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func startStack(t *testing.T) *Stack {
	t.Helper()
	s, err := Start(stackConfig(t), kafkaConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// service is a target with a counter, on the port that the stack keeps.
func service(t *testing.T, addr string, counted float64) (stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "crm_events_messages_total"})
	reg.MustRegister(c)
	c.Add(counted)
	s := &http.Server{Handler: promhttp.HandlerFor(reg, promhttp.HandlerOpts{})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	ended := false
	stop = func() {
		if !ended {
			ended = true
			s.Close()
			<-done
		}
	}
	t.Cleanup(stop)
	return stop
}

func ask(t *testing.T, s *Stack) *promcheck.Client {
	t.Helper()
	c, err := promcheck.New(promcheck.Options{URL: s.PrometheusURL()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// samples asks until the raw samples of a selector are as wanted.
func samples(t *testing.T, c *promcheck.Client, selector string, enough func([]promcheck.Point) bool) []promcheck.Point {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		found, err := c.Raw(ctx, selector, time.Minute)
		if err != nil {
			t.Fatalf("%s: %v", selector, err)
		}
		var ps []promcheck.Point
		if len(found) == 1 {
			ps = found[0].Points
		}
		if len(found) <= 1 && enough(ps) {
			return ps
		}
		again := time.NewTimer(50 * time.Millisecond)
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("%s: %v", selector, found)
		}
	}
}

func ends(value float64) func([]promcheck.Point) bool {
	return func(ps []promcheck.Point) bool { return len(ps) >= 2 && ps[len(ps)-1].Value == value }
}

// The whole story of an outage, in the raw samples of a real Prometheus.
func TestOutageInRawSamples(t *testing.T) {
	s := startStack(t)
	stop := service(t, s.BridgeAddr(), 50)
	if err := s.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := ask(t, s)
	up := `up{job="crm-events"}`
	if first := samples(t, c, up, ends(1)); first[0].Value != 1 {
		t.Errorf("the first scrape failed: %v", first)
	}
	if n := samples(t, c, "crm_events_messages_total", func(ps []promcheck.Point) bool { return len(ps) > 0 }); n[len(n)-1].Value != 50 {
		t.Errorf("the counter: %v", n)
	}
	samples(t, c, `kafka_consumergroup_members{consumergroup="crm-events-sse"}`, ends(0))
	for _, state := range []string{"pending", "firing"} {
		if ps := samples(t, c, `ALERTS{alertname="`+alert+`",alertstate="`+state+`"}`, func([]promcheck.Point) bool { return true }); ps != nil {
			t.Errorf("%s before the outage: %v", state, ps)
		}
	}
	down := time.Now()
	stop()
	samples(t, c, up, ends(0))
	firing := samples(t, c, `ALERTS{alertname="`+alert+`",alertstate="firing"}`, ends(1))
	pending := samples(t, c, `ALERTS{alertname="`+alert+`",alertstate="pending"}`, ends(1))
	if held := firing[0].At.Sub(pending[0].At); held != 600*time.Millisecond {
		t.Errorf("pending at %s, firing at %s: %s between, the rule's for is 600ms", pending[0].At, firing[0].At, held)
	}
	if !pending[len(pending)-1].At.Before(firing[0].At) || firing[0].At.Before(down) {
		t.Errorf("pending until %s, firing from %s, down at %s", pending[len(pending)-1].At, firing[0].At, down)
	}
	back := time.Now()
	service(t, s.BridgeAddr(), 7)
	samples(t, c, up, ends(1))
	rule := resolved(t, c)
	last := samples(t, c, `ALERTS{alertname="`+alert+`",alertstate="firing"}`, ends(1))
	if end := last[len(last)-1].At; end.After(back.Add(3 * time.Second)) {
		t.Errorf("the service was back at %s, the alert fired until %s", back, end)
	}
	if rule.For != 600*time.Millisecond || rule.Interval != 200*time.Millisecond || rule.Health != "ok" {
		t.Errorf("the rule's clock: %+v", rule)
	}
}

// resolved waits for the alert to be inactive.
func resolved(t *testing.T, c *promcheck.Client) promcheck.Rule {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		rule, err := c.Rule(ctx, alert, nil)
		if err != nil {
			t.Fatal(err)
		}
		if rule.State == "inactive" {
			return rule
		}
		again := time.NewTimer(50 * time.Millisecond)
		<-again.C
	}
}

func TestTargetsHaveTheSpecsClock(t *testing.T) {
	s := startStack(t)
	service(t, s.BridgeAddr(), 0)
	if err := s.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := ask(t, s)
	samples(t, c, `up{job="crm-events"}`, ends(1))
	found, err := c.Target(t.Context(), map[string]string{"job": "crm-events"})
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	if found[0].ScrapeInterval != 200*time.Millisecond || found[0].ScrapeTimeout != 200*time.Millisecond || found[0].Health != "up" {
		t.Errorf("%+v", found[0])
	}
	if v, err := c.Version(t.Context()); err != nil || v == "" {
		t.Errorf("version %q, %v", v, err)
	}
	if _, off, err := c.ClockOffset(t.Context(), 3); err != nil || off <= 0 {
		t.Errorf("±%s, %v", off, err)
	}
}

// Whoever listens on the kept port in turn is let in; in between connections
// are refused, and nobody else is given it.
func TestHeldPort(t *testing.T) {
	port, err := holdPort()
	if err != nil {
		t.Fatal(err)
	}
	refused := func(when string) {
		t.Helper()
		if c, err := net.DialTimeout("tcp", port.addr, time.Second); err == nil {
			c.Close()
			t.Errorf("%s somebody answers", when)
		}
	}
	refused("before the service")
	for i := range 2 {
		l, err := net.Listen("tcp", port.addr)
		if err != nil {
			t.Fatalf("service %d: %v", i, err)
		}
		c, err := net.DialTimeout("tcp", port.addr, time.Second)
		if err != nil {
			t.Fatalf("service %d: %v", i, err)
		}
		c.Close()
		l.Close()
		refused("after the service")
	}
	for range 200 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if l.Addr().String() == port.addr {
			t.Error("the kept port was given to somebody else")
		}
		defer l.Close()
	}
	if err := port.close(); err != nil {
		t.Error(err)
	}
}

func TestTwoStacksDoNotDisturbEachOther(t *testing.T) {
	a, b := startStack(t), startStack(t)
	if a.BridgeAddr() == b.BridgeAddr() || slices.Equal(a.Brokers(), b.Brokers()) {
		t.Fatalf("%s %v and %s %v", a.BridgeAddr(), a.Brokers(), b.BridgeAddr(), b.Brokers())
	}
	for _, s := range []*Stack{a, b} {
		service(t, s.BridgeAddr(), 1)
		if err := s.Watch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	produce(t, a, 3)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	client, err := sarama.NewClient(b.Brokers(), kafkaConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if end, err := client.GetOffset("aetherlink.events", 0, sarama.OffsetNewest); err != nil || end != 0 {
		t.Errorf("the other's events are here: %d, %v", end, err)
	}
	samples(t, ask(t, b), `up{job="crm-events"}`, ends(1))
}

func produce(t *testing.T, s *Stack, n int) {
	t.Helper()
	config := kafkaConfig(t)
	config.Producer.Return.Successes = true
	p, err := sarama.NewSyncProducer(s.Brokers(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range n {
		if _, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: "aetherlink.events", Value: sarama.StringEncoder("x")}); err != nil {
			t.Fatal(err)
		}
	}
}

// After Close nothing answers, and the folder can be removed.
func TestNothingIsLeft(t *testing.T) {
	cfg := stackConfig(t)
	s, err := Start(cfg, kafkaConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	addrs := append(s.Brokers(), strings.TrimPrefix(s.PrometheusURL(), "http://"), s.lagAddr)
	for _, a := range addrs {
		c, err := net.DialTimeout("tcp", a, time.Second)
		if err != nil {
			t.Fatalf("%s does not answer: %v", a, err)
		}
		c.Close()
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, a := range append(addrs, s.BridgeAddr()) {
		if c, err := net.DialTimeout("tcp", a, time.Second); err == nil {
			c.Close()
			t.Errorf("%s still answers", a)
		}
	}
	if err := os.RemoveAll(cfg.Dir); err != nil {
		t.Error(err)
	}
	if l, err := net.Listen("tcp", s.BridgeAddr()); err != nil {
		t.Errorf("the kept port is not free: %v", err)
	} else {
		l.Close()
	}
}

func TestStartFails(t *testing.T) {
	cfg := stackConfig(t)
	cfg.Alert = "NoSuchAlert"
	if s, err := Start(cfg, kafkaConfig(t)); err == nil || s != nil || !strings.Contains(err.Error(), "NoSuchAlert") {
		t.Errorf("%v, %v", s, err)
	}
	cfg = stackConfig(t)
	cfg.Dir = filepath.Join(cfg.Dir, "file")
	if err := os.WriteFile(cfg.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Start(cfg, kafkaConfig(t)); err == nil || s != nil {
		t.Errorf("where a file stands: %v, %v", s, err)
	}
}

func TestOnClock(t *testing.T) {
	const file = `# a comment
groups:
  - name: a
    interval: 15s
    rules:
      - record: x:y
        expr: x
      - alert: Down
        expr: up == 0
        for: 2m
      - alert: Other
        expr: up == 0
        for: 5m
  - name: b
    interval: 1s
    rules: [{alert: Third, expr: x, for: 2m}]
`
	out, changes, err := onClock([]byte(file), "Down", time.Second, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("interval: 15s", "interval: 1s", "for: 2m\n", "for: 10s\n").Replace(file)
	if got := string(out); plain(got) != plain(want) {
		t.Errorf("more was replaced, or less:\n%s", got)
	}
	if said := strings.Join(changes, "; "); said != "group a is evaluated every 1s instead of 15s; Down waits for 10s instead of 2m" {
		t.Errorf("said: %s", said)
	}
	if _, changes, err := onClock([]byte(file), "Down", 15*time.Second, 2*time.Minute); err != nil || len(changes) != 1 {
		t.Errorf("in real time only group b changes: %v, %v", changes, err)
	}
	for _, bad := range []string{"", "groups: 5", "groups: [{rules: 7}]", "{", fmt.Sprintf("groups: [{name: a, rules: [{record: %s}]}]", "Down")} {
		if _, _, err := onClock([]byte(bad), "Down", time.Second, time.Second); err == nil {
			t.Errorf("%q has the alert", bad)
		}
	}
}

// plain is YAML without its layout.
func plain(s string) string { return strings.Join(strings.Fields(s), "") }
