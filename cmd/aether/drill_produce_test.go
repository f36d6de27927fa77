package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

func TestProduceByFlags(t *testing.T) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	for i, want := range []string{"partition 0 0..1\npartition 1 0..0\npartition 2 0..0\n", "partition 0 2..3\npartition 1 1..1\npartition 2 1..1\n"} {
		a, out, said := testApp(map[string]string{"KAFKA_TOPIC": "t"})
		code := run([]string{"drill", "produce", "--brokers", broker.ListenAddrs()[0], "--events", "4"}, a)
		if code != exitPass || out.String() != want || !strings.Contains(said.String(), "4 events acknowledged on t, header aether-drill-id: produce-") {
			t.Errorf("%d: exit code %d, %q, %s", i, code, out, said)
		}
	}
}

// A spec says where to and how; nothing that is printed has its password.
func TestProduceBySpec(t *testing.T) {
	addr, ca := secureBroker(t)
	spec := writeFile(t, "spec.yaml", fmt.Sprintf(`
version: 1
target: {docker: {container: c}}
bridge: {url: "http://127.0.0.1:9010"}
kafka: {brokers: ["%s"], topic: t, group: g, tls: {ca_file: %s}, sasl: {mechanism: SCRAM-SHA-256, username: ann, password: "${PW}"}}
prometheus: {url: "http://127.0.0.1:9090", target: {job: j}, alert: {name: A}, counter: c}
`, addr, ca))
	for _, c := range []struct {
		password string
		args     []string
		code     int
		out, err string
	}{
		{testPassword, nil, exitPass, "partition 0 0..4\npartition 1 0..4\n", "10 events acknowledged"},
		{"wr0ng-" + testPassword, nil, exitFail, "", `refused the login of user "ann" with SCRAM-SHA-256`},
		{testPassword, []string{"--topic", "other"}, exitUsage, "", "--topic and a SPEC: one of them says where to"},
		{testPassword, []string{"--size", "1"}, exitUsage, "", "backlog.size: 1: from 320"},
	} {
		a, out, said := testApp(map[string]string{"PW": c.password})
		code := run(append([]string{"drill", "produce", spec}, c.args...), a)
		if code != c.code || out.String() != c.out || !strings.Contains(said.String(), c.err) {
			t.Errorf("exit code %d, %q, %s", code, out, said)
		}
		if all := out.String() + said.String(); strings.Contains(all, testPassword) {
			t.Errorf("the password is printed: %s", all)
		}
	}
}
