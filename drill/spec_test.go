package drill

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func variables(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func loadFile(t *testing.T, name string, lookup func(string) (string, bool)) (Spec, error) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "specs", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return LoadSpec(text, lookup)
}

var secrets = variables("TOKEN", "tok-1", "KAFKA_PASSWORD", "pw-2", "PROM_PASSWORD", "pw-3", "PROM_BEARER", "bear-4")

func TestExamplesAreValid(t *testing.T) {
	files, err := filepath.Glob("../testdata/specs/*.yaml")
	if err != nil || len(files) < 7 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, f := range files {
		if _, err := loadFile(t, filepath.Base(f), secrets); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// Every file in testdata/specs/invalid, and all that is wrong with it.
func TestInvalidSpecs(t *testing.T) {
	const real = "has no place beside embedded, which brings its own"
	want := map[string][]string{
		"empty":            {"spec: is empty; `aether drill init` prints one to start from"},
		"unknown-key":      {"line 2: embedded.partitons: is not a key here; there are evaluate, for, partitions, scrape", "line 3: backlgo: is not a key here; there are backlog, bridge, checks, embedded, give_up, kafka, name, objectives, outage, prometheus, target, version"},
		"wrong-type":       {`line 1: version: "one" is not a whole number`, `line 2: embedded.scrape: "5" is not a duration such as 10s or 2m`, "line 3: backlog.events: wants a single value, not a list", `line 3: backlog.rate: "1.5" is not a whole number`, `line 4: prometheus.target: wants keys and values, not "job"`},
		"twice":            {"line 4: backlog: stands twice"},
		"null-value":       {"line 3: name: has no value; leave the key out for the default"},
		"missing-variable": {"line 2: name: the variable NOT_SET is not set", "line 4: kafka.topic: the variable ALSO_NOT_SET is not set", "line 4: kafka.topic: ${ without }"},
		"version":          {"version: must be 1, is 2"},
		"nothing": {"target: is missing: exactly one of docker, exec, process", "kafka.topic: is missing", "kafka.group: is missing", "prometheus.alert.name: is missing", "prometheus.counter: is missing",
			"prometheus.target: is missing: labels of the scrape target, such as job", "kafka.brokers: is missing; or begin with `embedded: {}`", "bridge.url: is missing", "prometheus.url: is missing"},
		"two-targets": {`name: "Two Targets": lower-case letters, digits and dashes, at most 63`, `target.docker.stop: "softly" is neither graceful nor kill`, "target.exec.state: is missing",
			"target: has docker and exec: exactly one is wanted", `bridge.url: "127.0.0.1:9010" is not a URL such as http://127.0.0.1:9090`},
		"process-in-a-real-world": {"target.process: is for an embedded world; a real one has target.docker or target.exec"},
		"embedded-and-real": {`bridge.stream: "crm-events" must begin with /`, `bridge.health: "" must begin with /`, "embedded.partitions: 0: from 1 to 64", "embedded.for: 0s: must be above 0",
			"target.docker: " + real, "kafka.brokers: " + real, "kafka.tls: " + real, "kafka.sasl: " + real, "prometheus.url: " + real, "prometheus.http: " + real, "bridge.url: " + real},
		"kafka-login": {"kafka.tls.key_file: is missing beside cert_file", `kafka.sasl.mechanism: "GSSAPI" is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512`, "kafka.sasl.username: is missing"},
		"kafka-login-missing": {"kafka.tls.cert_file: is missing beside key_file", "kafka.sasl.mechanism: is missing: one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
			"kafka.sasl.username: is missing", "kafka.sasl.password: is missing"},
		"prometheus-login":      {"prometheus.http: has a username or password and bearer: one of them is wanted", "prometheus.http.tls.key_file: is missing beside cert_file"},
		"prometheus-login-half": {"prometheus.http.username: is missing beside password"},
		"login-in-url": {"bridge.url: has a login in it, which would be printed; it belongs into bridge.headers",
			"prometheus.url: has a login in it, which would be printed; it belongs into prometheus.http"},
		"brokers": {`kafka.brokers[0]: "kafka" is not host:port`, `kafka.brokers[1]: "kafka:" is not host:port`, `kafka.brokers[2]: "kafka://kafka:9092" is not host:port`},
		"outage":  {`outage.until: "friday": only alert-firing is known`, "outage: has until and hold: one of them is wanted", "outage.hold: 20m0s is longer than outage.max 10m0s"},
		"numbers": {"backlog.events: 0: from 1 to 10,000,000", "backlog.rate: -1: 0 or more events per second", "backlog.size: 10: from 320 to 921600 bytes", "backlog.tenant: longer than 64 characters",
			"objectives.duplicates: -1: 0 or more", "give_up.baseline: 0s: must be above 0", "give_up.drain: 0s: must be above 0", "give_up.first_event: 0s: must be above 0", "give_up.settle: 0s: must be above 0",
			"objectives.drain: -1s: must be above 0", "objectives.first_event: 0s: must be above 0"},
	}
	files, err := filepath.Glob("../testdata/specs/invalid/*.yaml")
	if err != nil || len(files) != len(want) {
		t.Errorf("%d files, %d expectations, %v", len(files), len(want), err)
	}
	for name, lines := range want {
		_, err := loadFile(t, "invalid/"+name+".yaml", variables())
		if err == nil {
			t.Errorf("%s is taken for valid", name)
			continue
		}
		if diff := cmp.Diff(lines, strings.Split(err.Error(), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDefaultsOfAnEmbeddedWorld(t *testing.T) {
	s, err := loadFile(t, "embedded.yaml", variables())
	if err != nil {
		t.Fatal(err)
	}
	if s.Target.Process == nil || s.Kafka.Group != "crm-events-sse" || s.Outage.Until != UntilAlertFiring || s.Embedded.For != Duration(10*time.Second) || s.Backlog.Events != 200 {
		t.Errorf("defaults: %+v", s)
	}
	s.Realtime()
	if got := *s.Embedded; got.Scrape.D() != 15*time.Second || got.Evaluate.D() != 15*time.Second || got.For.D() != 2*time.Minute {
		t.Errorf("real time: %+v", got)
	}
	if s.GiveUp.Baseline.D() < 3*time.Minute {
		t.Errorf("a baseline of two evaluations and two scrapes at 15 s gives up after %s", s.GiveUp.Baseline)
	}
}

func TestVariables(t *testing.T) {
	s, err := LoadSpec([]byte(`
version: 1
name: a-${NAME}-$${NAME}
embedded: {}
kafka: {topic: "${TOPIC}"}
target: {process: {command: [serve, "--port=${PORT}"]}}
`), variables("NAME", "b", "TOPIC", "x: {y: 1}"))
	if err == nil || !strings.Contains(err.Error(), `"a-b-${NAME}"`) {
		t.Errorf("the name is %q: %v", s.Name, err)
	}
	if s.Kafka.Topic != "x: {y: 1}" {
		t.Errorf("a variable changed the structure: %q", s.Kafka.Topic)
	}
	if got := s.Target.Process.Command[1]; got != "--port=${PORT}" {
		t.Errorf("the target's port was expanded: %q", got)
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	s, err := loadFile(t, "docker-secure.yaml", secrets)
	if err != nil {
		t.Fatal(err)
	}
	s.Prometheus.HTTP.Bearer = "bear-4"
	if s.Kafka.SASL.Password.Reveal() != "pw-2" || s.Bridge.Headers["Authorization"].Reveal() != "Bearer tok-1" {
		t.Fatal("the secrets are not there")
	}
	masked, err := s.Masked()
	if err != nil {
		t.Fatal(err)
	}
	j, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, x := range []any{s, s.Bridge.Headers, *s.Kafka.SASL, *s.Prometheus.HTTP, s.Kafka.SASL.Password} {
			fmt.Fprintf(&out, verb+"\n", x)
		}
	}
	all := out.String() + string(j) + fmt.Sprint(masked.Kafka.SASL.Password.Reveal(), masked.Bridge.Headers["Authorization"].Reveal(), *masked.Prometheus.HTTP)
	s.Kafka.SASL.Mechanism, s.Bridge.URL = "none", "http://u:pw-3@h"
	all += fmt.Sprint(s.Validate())
	for _, secret := range []string{"tok-1", "pw-2", "pw-3", "bear-4", fmt.Sprintf("%x", "pw-2")} {
		if strings.Contains(all, secret) {
			i := strings.Index(all, secret)
			t.Errorf("%q is printed: …%s", secret, all[max(0, i-60):i+len(secret)])
		}
	}
	if !strings.Contains(all, mask) {
		t.Error("nothing was masked")
	}
}
