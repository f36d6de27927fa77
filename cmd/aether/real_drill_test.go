//go:build integration && linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/docker/docker/api/types/container"

	"github.com/aetherlink/aether/internal/realworld"
)

// TestReal drills our own image on a real engine, with a real Apache Kafka and
// a real Prometheus.
func TestReal(t *testing.T) {
	t.Parallel()
	c := newCity(t, realworld.KafkaOptions{})
	for _, test := range []struct {
		name string
		run  func(*testing.T, *city)
	}{
		{"clean", realClean}, {"killed", realKilled}, {"stubborn", realStubborn}, {"foreign traffic", realTraffic},
		{"Prometheus restarts in the hold", realPrometheusRestarts}, {"commands", realCommands}, {"compose", realCompose}, {"two at once", realTwo},
		{"refused", realRefused},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, c)
		})
	}
}

// TestRealRecover has an engine of its own: recover looks at all of it.
func TestRealRecover(t *testing.T) {
	t.Parallel()
	c := newCity(t, realworld.KafkaOptions{})
	t.Run("start fails", func(t *testing.T) { realStartFails(t, c) })
	t.Run("a dead run", func(t *testing.T) { realDeadRun(t, c) })
}

func realClean(t *testing.T, c *city) {
	s := c.site(t, siteOptions{})
	summary := filepath.Join(t.TempDir(), "summary.md")
	d := startDrillWith(t, []string{"GITHUB_STEP_SUMMARY=" + summary}, s.spec(t))
	d.wantCode(t, exitPass)
	s.wantBack(t, d)
	d.wantSaid(t, "if this dies: docker -H "+s.engine.Host+" start "+s.name)
	r := d.result(t)
	if r.Ledger.Once != 200 || len(r.Checks) != 20 || len(r.NotApplicable) != 0 {
		t.Errorf("ledger %+v, %d checks", r.Ledger, len(r.Checks))
	}
	report, err := os.ReadFile(filepath.Join(d.outDir, reportName))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(summary); err != nil || string(text) != string(report) {
		t.Errorf("the job summary is not the report: %v", err)
	}
}

func realKilled(t *testing.T, c *city) {
	s := c.site(t, siteOptions{})
	d := startDrill(t, s.spec(t, "{container: "+s.name, "{stop: kill, container: "+s.name))
	d.wantCode(t, exitPass)
	d.wantSaid(t, "exit code 137")
	s.wantBack(t, d)
}

// A container that ignores SIGTERM is killed by the engine, and that is said.
func realStubborn(t *testing.T, c *city) {
	dir := t.TempDir()
	for _, argv := range [][]string{
		{"env", "CGO_ENABLED=0", "go", "build", "-o", filepath.Join(dir, "stubborn"), "./testdata/stubborn"},
		{"sh", "-c", `printf 'FROM %s\nCOPY stubborn /stubborn\nENTRYPOINT ["/stubborn"]\n' "$0" > "$1"/Dockerfile`, realImage, dir},
		{"env", "DOCKER_BUILDKIT=0", "docker", "-H", c.engine.Host, "build", "-q", "-t", "stubborn", dir},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", argv, err, out)
		}
	}
	s := c.site(t, siteOptions{container: func(r *realworld.Container) { r.Image = "stubborn" }})
	d := startDrill(t, s.spec(t, "{container: "+s.name, "{stop_timeout: 2s, container: "+s.name))
	d.wantCode(t, exitPass)
	d.wantSaid(t, "exit code 137")
	s.wantBack(t, d)
}

// Everybody's events are owed, not the drill's alone.
func realTraffic(t *testing.T, c *city) {
	s := c.site(t, siteOptions{})
	ctx, stop := context.WithCancel(t.Context())
	sent := make(chan int)
	go func() { sent <- traffic(ctx, t, c.broker, s.topic) }()
	d := startDrill(t, s.spec(t))
	code := d.wait(t)
	stop()
	if n := <-sent; code != exitPass || n < 100 {
		t.Fatalf("exit code %d, %d foreign events; it said:\n%s", code, n, d.said())
	}
	// owed are those up to the end of the backlog; the others are just there
	if l := d.result(t).Ledger; l.Owed <= 200 || l.Once != l.Owed {
		t.Errorf("the foreign events are not in the account: %+v", l)
	}
	s.wantBack(t, d)
}

// traffic sends events of somebody else's, about 50 a second, and returns how many.
func traffic(ctx context.Context, t *testing.T, b *realworld.Broker, topic string) (n int) {
	p, err := sarama.NewSyncProducer([]string{b.Addr}, b.Client())
	if err != nil {
		t.Error(err)
		return 0
	}
	defer p.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ; ; n++ {
		select {
		case <-ctx.Done():
			return n
		case <-tick.C:
		}
		_, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(fmt.Sprint(n)), Value: sarama.StringEncoder(`{"Type":"JobCreated"}`)})
		if err != nil && ctx.Err() == nil {
			t.Errorf("send foreign event %d: %v", n, err)
			return n
		}
	}
}

// Samples are missing: whatever else was seen, that is no pass.
func realPrometheusRestarts(t *testing.T, c *city) {
	s := c.site(t, siteOptions{prom: realworld.PrometheusOptions{For: 15 * time.Second}})
	d := startDrill(t, s.spec(t))
	d.until(t, "alert is pending")
	s.prom.Stop()
	d.until(t, "Prometheus did not answer")
	s.prom.Start()
	d.wantCode(t, exitInconclusive)
	s.wantBack(t, d)
}

// The same container behind commands.
func realCommands(t *testing.T, c *city) {
	s := c.site(t, siteOptions{})
	docker := "docker, -H, \"" + c.engine.Host + "\""
	d := startDrill(t, s.spec(t, fmt.Sprintf("{docker: {container: %s, host: %q}}", s.name, c.engine.Host), fmt.Sprintf(
		`{exec: {stop: [%s, stop, %s], start: [%s, start, %s], state: [sh, -c, "docker -H %s inspect -f '{{.State.Running}}' %s | grep -q true"]}}`,
		docker, s.name, docker, s.name, c.engine.Host, s.name)))
	d.wantCode(t, exitPass)
	s.wantBack(t, d)
}

// A service of a compose project, by the commands of the example.
func realCompose(t *testing.T, c *city) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	compose := func(args ...string) string {
		cmd := exec.Command("docker-compose", append([]string{"-f", file}, args...)...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+c.engine.Host)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("docker-compose %v: %v\n%s", args, err, &said)
		}
		return strings.TrimSpace(string(out))
	}
	s := c.site(t, siteOptions{start: func(s *site) string {
		text := fmt.Sprintf("version: \"3.3\"\nnetworks: {default: {external: {name: aether-test}}}\nservices:\n  crm-events: {image: %q, ports: [%q], environment: [%s]}\n",
			realImage, s.addr+":9010", strings.Join(s.run.Env, ", "))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		compose("up", "-d")
		return compose("ps", "-q", "crm-events")
	}})
	example, err := os.ReadFile("../../testdata/specs/exec-compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	from, to := bytes.Index(example, []byte("  exec:")), bytes.Index(example, []byte("\nbridge:"))
	if from < 0 || to < from {
		t.Fatalf("the example is not what it was:\n%s", example)
	}
	target := strings.ReplaceAll(string(example[from:to]), "/srv/crm/compose.yaml", file)
	d := startDrillWith(t, []string{"DOCKER_HOST=" + c.engine.Host},
		s.spec(t, fmt.Sprintf("target: {docker: {container: %s, host: %q}}", s.name, c.engine.Host), "target:\n"+target))
	d.wantCode(t, exitPass)
	s.wantBack(t, d)
}

// Two drills of one target: the second is refused, and the first goes on.
func realTwo(t *testing.T, c *city) {
	s := c.site(t, siteOptions{})
	first := startDrill(t, s.spec(t))
	first.until(t, "s  hold")
	// its own look at the world would refuse it anyway, so that is allowed
	second := startDrill(t, s.spec(t), "--allow", "alert-active")
	second.wantCode(t, exitRefused)
	first.wantCode(t, exitPass)
	s.wantBack(t, first)
	s2 := c.site(t, siteOptions{})
	first = startDrill(t, s2.spec(t))
	first.until(t, "s  baseline")
	second = startDrill(t, s2.spec(t))
	second.wantCode(t, exitRefused)
	second.wantSaid(t, "target-locked", "holds "+s2.name)
	first.wantCode(t, exitPass)
	s2.wantBack(t, first)
}

// The port is taken while the bridge is down: it cannot start, which is exit
// code 5 and says what to do; recover does it once the port is free.
func realStartFails(t *testing.T, c *city) {
	s := c.site(t, siteOptions{})
	d := startDrill(t, s.spec(t))
	d.until(t, "alert is pending")
	other := c.engine.Run(realworld.Container{Name: s.name + "-thief", Image: realImage, Args: []string{"serve"}, Ports: map[string]string{"9010": s.addr}})
	d.wantCode(t, exitNotRestored)
	d.wantSaid(t, "NOT put back", "port is already allocated", "docker -H "+c.engine.Host+" start "+s.name)
	if !s.kept(t) {
		t.Error("the intent is not kept, so nobody else could put it back")
	}
	if err := c.engine.Client().ContainerRemove(t.Context(), other, container.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // safe to repeat
		if code, out, errs := aether(t, nil, "drill", "recover", d.outDir); code != exitPass || !strings.Contains(out, s.name+" runs") {
			t.Errorf("recover: exit code %d: %s%s", code, out, errs)
		}
	}
	s.wantBack(t, d)
}

// What a dead run left behind does not stand in the way of the next one, and
// any machine that reaches the engine can put it back.
func realDeadRun(t *testing.T, c *city) {
	s := c.site(t, siteOptions{})
	die := func() {
		d := startDrill(t, s.spec(t))
		d.until(t, "s  hold")
		d.killAll(t) // the watchdog too
		if running, _ := s.running(t); running || !s.kept(t) {
			log, _ := os.ReadFile(filepath.Join(d.outDir, watchdogName))
			t.Fatalf("the container runs: %v, its intent is kept: %v; the drill said:\n%s\nits watchdog:\n%s", running, s.kept(t), d.said(), log)
		}
	}
	die()
	code, out, errs := aether(t, []string{"DOCKER_HOST=" + c.engine.Host}, "drill", "recover", "--host")
	if running, _ := s.running(t); code != exitPass || !running || s.kept(t) || !strings.Contains(out, s.name+" runs") {
		t.Fatalf("recover --host: exit code %d: %s%s", code, out, errs)
	}
	s.awaitReady(t)
	s.awaitQuiet(t)
	die()
	awaitThat(t, "the alert fires", func() bool { return s.alert(t) == "firing" })
	d := startDrill(t, s.spec(t))
	d.wantCode(t, exitRefused) // the container is back, the alert still fires
	d.wantSaid(t, "a dead drill left its target behind", "alert-active")
	s.wantBack(t, d)
}

func realRefused(t *testing.T, c *city) {
	s := c.site(t, siteOptions{noLabel: true})
	other := c.site(t, siteOptions{})
	alerts := realworld.Alertmanager(t, "http://127.0.0.1:9/")
	paged := c.site(t, siteOptions{prom: realworld.PrometheusOptions{Alertmanager: alerts.Addr}})
	foreign := c.site(t, siteOptions{})
	strict := c.site(t, siteOptions{topic: map[string]string{"min.insync.replicas": "2"}})
	compacted := c.site(t, siteOptions{topic: map[string]string{"cleanup.policy": "compact,delete"}})
	joinGroup(t, c.broker, foreign.group, foreign.topic)
	for _, row := range []struct {
		name string
		site *site
		spec []string
		args []string
		code int
		says []string
	}{
		{"no label", s, nil, nil, exitRefused, []string{"not-opted-in", "--confirm " + s.name}},
		{"another name confirmed", s, nil, []string{"--confirm", other.name}, exitRefused, []string{"not-opted-in"}},
		{"unknown container", s, []string{"container: " + s.name, "container: nobody"}, nil, exitRefused, []string{"target-missing", "ps -a"}},
		{"a container that is not the bridge", other, []string{"container: " + other.name, "container: " + paged.name}, nil, exitRefused, []string{"not-the-bridge"}},
		{"somebody would be paged", paged, nil, nil, exitRefused, []string{"paging", "test (" + alerts.URL}},
		{"a foreign member in the group", foreign, nil, nil, exitRefused, []string{"group-members", "has 2 members"}},
		{"min.insync.replicas that nobody can meet", strict, nil, nil, exitRefused, []string{"topic-under-replicated", "min.insync.replicas is 2"}},
		{"a compacted topic", compacted, nil, nil, exitRefused, []string{"topic-compacted"}},
		{"wrong topic", other, []string{"topic: " + other.topic, "topic: nothing"}, nil, exitRefused, []string{"topic-missing"}},
		{"wrong group", other, []string{"group: " + other.group, "group: nobody"}, nil, exitRefused, []string{"group-missing"}},
		{"rule not found", other, []string{"name: CrmEventsServiceDown", "name: CrmEventServiceDown"}, nil, exitRefused, []string{"rule-missing", "CrmEventsServiceDown"}},
		{"no Docker socket", other, []string{c.engine.Host, "unix:///nowhere/docker.sock"}, nil, exitRefused, []string{"unix:///nowhere/docker.sock"}},
		{"ssh", other, []string{c.engine.Host, "ssh://me@host"}, nil, exitRefused, []string{"ssh -NL"}},
		{"Prometheus is not there", other, []string{other.prom.URL, "http://127.0.0.1:9"}, nil, exitRefused, []string{"127.0.0.1:9"}},
		{"Kafka is not there", other, []string{c.broker.Addr, "127.0.0.1:9"}, nil, exitRefused, []string{"127.0.0.1:9"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := startDrill(t, append([]string{row.site.spec(t, row.spec...)}, row.args...)...)
			d.wantCode(t, row.code)
			d.wantSaid(t, row.says...)
			row.site.wantBack(t, d)
		})
	}
	t.Run("confirmed", func(t *testing.T) {
		t.Parallel()
		d := startDrill(t, s.spec(t), "--confirm", s.name)
		d.wantCode(t, exitPass)
		s.wantBack(t, d)
	})
	t.Run("silenced", func(t *testing.T) {
		t.Parallel()
		silenced(t, paged, alerts)
	})
}

// silenced: with --silence nobody is paged while the alert fires, and the
// silence is over with the drill.
func silenced(t *testing.T, s *site, alerts *realworld.Alerts) {
	d := startDrill(t, s.spec(t), "--silence")
	d.until(t, "alert is firing")
	awaitThat(t, "Alertmanager holds the alert back", func() bool {
		text := fetch(t, alerts.URL+"/api/v2/alerts")
		return strings.Contains(text, "CrmEventsServiceDown") && strings.Contains(text, `"state":"suppressed"`)
	})
	d.wantCode(t, exitPass)
	if text := fetch(t, alerts.URL+"/api/v2/silences"); strings.Contains(text, `"state":"active"`) || !strings.Contains(text, d.result(t).Drill.ID) {
		t.Errorf("silences after the drill: %s", text)
	}
	s.wantBack(t, d)
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// joinGroup makes a foreign member that stays for the test.
func joinGroup(t *testing.T, b *realworld.Broker, group, topic string) {
	t.Helper()
	g, err := sarama.NewConsumerGroup([]string{b.Addr}, group, b.Client())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	in, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = g.Consume(ctx, []string{topic}, idleMember{in})
		}
	}()
	t.Cleanup(func() { stop(); <-done; _ = g.Close() })
	<-in
}

type idleMember struct{ in chan struct{} }

func (m idleMember) Setup(sarama.ConsumerGroupSession) error {
	select {
	case m.in <- struct{}{}:
	default:
	}
	return nil
}
func (idleMember) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (idleMember) ConsumeClaim(s sarama.ConsumerGroupSession, _ sarama.ConsumerGroupClaim) error {
	<-s.Context().Done()
	return nil
}
