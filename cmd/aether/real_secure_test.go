//go:build integration && linux

package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aetherlink/aether/internal/realworld"
)

const promPassword = "prom-secret"

// TestRealSecure drills through TLS, each SASL mechanism, and a Prometheus below
// a path that wants a password.
func TestRealSecure(t *testing.T) {
	t.Parallel()
	c := newCity(t, realworld.KafkaOptions{TLS: true, SASL: true})
	s := c.site(t, siteOptions{prom: realworld.PrometheusOptions{PathPrefix: "/prom", User: "aether", Password: promPassword}})
	kafka := func(mechanism, password string) []string {
		return []string{
			fmt.Sprintf("[%q]", c.broker.Addr), fmt.Sprintf("[%q], tls: {ca_file: %q}, sasl: {mechanism: %s, username: %s, password: %s}", c.broker.Secure, c.broker.CAFile, mechanism, realworld.KafkaUser, password),
		}
	}
	login := []string{"  counter:", "  http: {username: aether, password: \"${PROM_PASSWORD}\"}\n  counter:"}
	env := []string{"KAFKA_SECRET=" + realworld.KafkaPassword, "PROM_PASSWORD=" + promPassword}
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			s.awaitReady(t)
			d := startDrillWith(t, env, s.spec(t, append(kafka(mechanism, `"${KAFKA_SECRET}"`), login...)...))
			d.wantCode(t, exitPass)
			s.wantBack(t, d)
			d.wantNoSecrets(t, realworld.KafkaPassword, promPassword)
		})
	}
	for _, row := range []struct {
		name string
		spec []string
		says []string
	}{
		{"wrong password of Kafka", append(kafka("SCRAM-SHA-512", "nonsense"), login...), []string{"SCRAM-SHA-512", "aether"}},
		{"no TLS where the broker speaks it", append([]string{fmt.Sprintf("[%q]", c.broker.Addr), fmt.Sprintf("[%q]", c.broker.Secure)}, login...), []string{"TLS"}},
		{"no password for Prometheus", kafka("PLAIN", `"${KAFKA_SECRET}"`), []string{"401", "prometheus.http"}},
		{"without the path", append(append(kafka("PLAIN", `"${KAFKA_SECRET}"`), login...), s.prom.URL, strings.TrimSuffix(s.prom.URL, "/prom")), []string{"path prefix"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := startDrillWith(t, env, s.spec(t, row.spec...))
			d.wantCode(t, exitRefused)
			d.wantSaid(t, row.says...)
			s.wantBack(t, d)
		})
	}
	t.Run("serve", func(t *testing.T) { serveSecure(t, s) })
}

// wantNoSecrets: none is in what the drill said or left behind.
func (d *drillProcess) wantNoSecrets(t *testing.T, secrets ...string) {
	t.Helper()
	text := d.said() + d.out.String()
	files, err := filepath.Glob(filepath.Join(d.outDir, "*"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the secret %s is in what the drill left behind", secret)
		}
	}
}

// serveSecure: the bridge logs in like the drill, its password from the
// environment, and carries the topic.
func serveSecure(t *testing.T, s *site) {
	addr := realworld.HoldPort(t)
	_, port, _ := strings.Cut(addr, ":")
	cmd := exec.Command("aether", "serve", "--brokers", s.broker.Secure, "--topic", s.topic, "--group", "secure", "--host", "127.0.0.1", "--port", port,
		"--tls-ca", s.broker.CAFile, "--sasl-mechanism", "SCRAM-SHA-256", "--sasl-username", realworld.KafkaUser)
	cmd.Env = append(os.Environ(), "KAFKA_SASL_PASSWORD="+realworld.KafkaPassword)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	awaitThat(t, "it is ready", func() bool {
		resp, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	resp, err := http.Get("http://" + addr + "/crm-events?from=earliest")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		if strings.Contains(in.Text(), `"kind":"domain_event"`) {
			return
		}
	}
	t.Error("no event came")
}
