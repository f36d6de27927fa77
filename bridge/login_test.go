package bridge

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	connection "github.com/aetherlink/aether/kafka"
)

const testPassword = "s3cr3t-pw"

// secureBroker wants TLS and a login; the login is a right one.
func secureBroker(t *testing.T, mechanism string) (*kfake.Cluster, connection.Login) {
	t.Helper()
	s := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	broker := newBroker(t, 2, kfake.TLS(&tls.Config{Certificates: s.TLS.Certificates}), kfake.EnableSASL(), kfake.Superuser(mechanism, "bridge", testPassword))
	return broker, connection.Login{TLS: &connection.TLS{CAFile: ca}, SASL: &connection.SASL{Mechanism: mechanism, Username: "bridge", Password: testPassword}}
}

// Every connection of the bridge is safe and logged in: its readers, its group
// session, its commits, and its reads of history.
func TestTLSAndLogin(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			broker, login := secureBroker(t, mechanism)
			cfg := testConfig(broker.ListenAddrs())
			cfg.Connect, cfg.Rewind = login.Apply, 0
			p := testProducer(t, broker.ListenAddrs(), login.Apply)
			b := startBridge(t, cfg)
			b.ready(t)
			produce(t, p, numbered(0, 20, 2, 10)...)
			await(t, "all is committed", func() bool { return committedTo(t, b, 10, 10) })
			if err := b.stop(); err != nil {
				t.Fatal(err)
			}
			again := startBridge(t, cfg)
			again.ready(t)
			c := connect(t, again.url, "?from=earliest", "")
			defer c.close()
			all := seen{}
			for _, e := range c.take(20) { // from Kafka: nothing is in the log
				all.add(t, e)
			}
			all.wantOnce(t, []int64{10, 10})
		})
	}
}

func committedTo(t *testing.T, b *running, want ...int64) bool {
	t.Helper()
	client := b.kafka.client.Load()
	if client == nil {
		return false
	}
	got, err := b.kafka.committed(*client, len(want))
	return err == nil && fmt.Sprint([]int64(got)) == fmt.Sprint(want)
}

// A connection that cannot be set up is said at once, and not at every try.
func TestALoginThatCannotBeSetUp(t *testing.T) {
	cause := errors.New("no such file")
	cfg := testConfig([]string{"127.0.0.1:1"})
	cfg.Connect = func(*sarama.Config) error { return cause }
	if _, err := New(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry()); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}

// A refused login is said in words, and neither they nor pages have the password.
func TestARefusedLoginIsSaid(t *testing.T) {
	broker, login := secureBroker(t, "PLAIN")
	login.SASL.Password = "wr0ng-" + testPassword
	cfg := testConfig(broker.ListenAddrs())
	said := make(chan error, 1)
	cfg.Connect = login.Apply
	cfg.Explain = func(ctx context.Context, brokers []string, c *sarama.Config, err error) error {
		words := connection.Explain(ctx, brokers, c, err)
		select {
		case said <- words:
		default: // once is enough
		}
		return words
	}
	b := startBridge(t, cfg)
	var err error
	await(t, "it says why it does not connect", func() bool {
		select {
		case err = <-said:
		default:
		}
		return err != nil
	})
	if !strings.Contains(err.Error(), `refused the login of user "bridge" with PLAIN`) {
		t.Error(err)
	}
	status, ready := get(t, b.url+"/readyz")
	_, page := get(t, b.url+"/")
	if all := fmt.Sprintf("%v %s %s %+v %#v", err, ready, page, cfg, cfg); strings.Contains(all, testPassword) {
		t.Errorf("the password is printed: %s", all)
	}
	if status != http.StatusServiceUnavailable {
		t.Errorf("it says of itself that it is ready: %d %s", status, ready)
	}
}
