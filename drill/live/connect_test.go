package live

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/lag/collector"
)

const testPassword = "s3cr3t-pw"

// secureKafka wants TLS and a login; the spec has them.
func secureKafka(t *testing.T, mechanism string) (*kfake.Cluster, drill.KafkaSpec) {
	t.Helper()
	server, ca := tlsServer(t, nil)
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "t"), kfake.TLS(&tls.Config{Certificates: server.TLS.Certificates}),
		kfake.EnableSASL(), kfake.Superuser(mechanism, "drill", testPassword))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return broker, drill.KafkaSpec{
		Brokers: broker.ListenAddrs(), Topic: "t", Group: "g",
		TLS: &drill.TLSSpec{CAFile: ca}, SASL: &drill.SASLSpec{Mechanism: mechanism, Username: "drill", Password: testPassword},
	}
}

// tlsServer has a certificate for 127.0.0.1, which it signed itself.
func tlsServer(t *testing.T, h http.Handler) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, ca
}

// All that a drill does with Kafka, over TLS and logged in: it produces, reads
// the log back, and looks at offsets.
func TestSecureKafka(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			_, spec := secureKafka(t, mechanism)
			conf, err := KafkaConfig(spec)
			if err != nil {
				t.Fatal(err)
			}
			made, err := produce(t.Context(), spec.Brokers, conf, testLoad(30))
			if err != nil || made.Acked != 30 {
				t.Fatalf("%+v, %v", made, err)
			}
			client, err := sarama.NewClient(spec.Brokers, conf)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			owed, _, err := readBack(t.Context(), client, readPlan{Topic: "t", From: make([]int64, 3), To: []int64{10, 10, 10}, Drill: "d1"}, drill.NewHasher())
			if err != nil || drill.Count(owed.Drill.Seqs) != 30 {
				t.Errorf("%+v, %v", owed, err)
			}
			reader, err := collector.NewReader(spec.Brokers, conf)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			if s, err := reader.Read(t.Context(), "g", "t"); err != nil || fmt.Sprint(s.End) != "[10 10 10]" {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

func TestKafkaConfigSaysWhatIsWrong(t *testing.T) {
	_, spec := secureKafka(t, "PLAIN")
	spec.TLS.CAFile = "/nowhere/ca.pem"
	if _, err := KafkaConfig(spec); err == nil || !strings.Contains(err.Error(), "tls.ca_file: open /nowhere/ca.pem") {
		t.Errorf("%v", err)
	}
}

// The errors of a drill that cannot connect say why, and not the password.
func TestNoConnectionIsSaidInWords(t *testing.T) {
	_, spec := secureKafka(t, "PLAIN")
	spec.SASL.Password = "wr0ng-" + testPassword
	noTLS := spec
	noTLS.TLS = nil
	for says, spec := range map[string]drill.KafkaSpec{
		`connect to Kafka: ` + spec.Brokers[0] + `: the broker refused the login of user "drill" with PLAIN`: spec,
		`connect to Kafka: ` + spec.Brokers[0] + ` speaks TLS, and none is configured`:                       noTLS,
	} {
		conf, err := KafkaConfig(spec)
		if err != nil {
			t.Fatal(err)
		}
		conf.Metadata.Retry.Max = 0
		r := &run{Options: Options{World: &World{Brokers: spec.Brokers, Sarama: conf}, Spec: drill.Spec{Kafka: spec}}}
		_, failed := produce(t.Context(), spec.Brokers, conf, testLoad(1))
		_, refused := r.admin(t.Context())
		_, byHand := ByHand(t.Context(), spec.Brokers, conf, testLoad(1))
		for _, err := range []error{failed, refused, byHand} {
			if err == nil || !strings.HasPrefix(err.Error(), says) || strings.Contains(err.Error(), testPassword) {
				t.Errorf("%v", err)
			}
		}
	}
}

// Prometheus behind a login, with a certificate of its own and a path prefix.
func TestSecurePrometheus(t *testing.T) {
	login := ""
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != login {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[]}}`)
	})
	mux := http.NewServeMux()
	mux.Handle("/prom/api/v1/query", api)
	s, ca := tlsServer(t, mux)
	own := &drill.TLSSpec{CAFile: ca}
	for name, c := range map[string]struct {
		login string
		spec  *drill.HTTPSpec
		says  string
	}{
		"basic":           {"Basic ZHJpbGw6czNjcjN0LXB3", &drill.HTTPSpec{Username: "drill", Password: testPassword, TLS: own}, ""},
		"bearer":          {"Bearer " + testPassword, &drill.HTTPSpec{Bearer: testPassword, TLS: own}, ""},
		"wrong password":  {"Basic ZHJpbGw6czNjcjN0LXB3", &drill.HTTPSpec{Username: "drill", Password: "wr0ng-" + testPassword, TLS: own}, "401: it wants a login; check prometheus.http"},
		"none":            {"Bearer x", &drill.HTTPSpec{TLS: own}, "401: it wants a login; check prometheus.http"},
		"nothing is said": {"", nil, "set prometheus.http.tls.ca_file"},
	} {
		transport, err := PrometheusTransport(c.spec)
		if err != nil || (transport == nil) != (c.spec == nil) {
			t.Fatalf("%s: %v, %v", name, transport, err)
		}
		login = c.login
		r := &run{Options: Options{World: &World{Prometheus: s.URL + "/prom/", PrometheusHTTP: transport, Brokers: []string{"127.0.0.1:1"}}}}
		eyes, err := openWitnesses(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		_, err = eyes.prom.Raw(t.Context(), "up", time.Minute)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
		if all := fmt.Sprintf("%v %+v %#v", err, c.spec, r.World); strings.Contains(all, testPassword) {
			t.Errorf("%s: the password is printed: %s", name, all)
		}
		eyes.close()
	}
}

func TestPrometheusTransportSaysWhichFileIsWrong(t *testing.T) {
	for _, spec := range []drill.TLSSpec{{CAFile: "/nowhere/ca.pem"}, {CertFile: "/nowhere/cert.pem", KeyFile: "/nowhere/cert.pem"}} {
		if _, err := PrometheusTransport(&drill.HTTPSpec{TLS: &spec}); err == nil || !strings.Contains(err.Error(), "prometheus.http: ") || !strings.Contains(err.Error(), "/nowhere/") {
			t.Errorf("%v", err)
		}
	}
}
