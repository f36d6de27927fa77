//go:build integration && linux

package realworld

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// KafkaOptions is what a broker has besides its PLAINTEXT listener.
type KafkaOptions struct {
	TLS  bool // the secure listener speaks TLS
	SASL bool // the secure listener wants KafkaUser: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	// ClientCert makes the TLS listener refuse clients without a certificate
	// of Broker's authority.
	ClientCert bool
	// RebalanceDelay is group.initial.rebalance.delay.ms: what a new group waits
	// for more members. Kafka's own default is 3 s, here it is 0.
	RebalanceDelay time.Duration
	// Gateway is one more address of this machine to listen on in PLAINTEXT:
	// Engine.Gateway, for containers.
	Gateway string
}

// KafkaUser and KafkaPassword are who may use a SASL listener.
const (
	KafkaUser     = "aether"
	KafkaPassword = "drill-secret"
)

// Broker is an Apache Kafka of one node, broker and controller in one process.
type Broker struct {
	// Addr is the PLAINTEXT listener, Secure the one with TLS, SASL or both;
	// empty without. Both stay the same over restarts.
	Addr, Secure string
	// Inside is the PLAINTEXT listener on KafkaOptions.Gateway.
	Inside string
	// PEM files, with TLS: the authority, and a client certificate of it.
	CAFile, ClientCertFile, ClientKeyFile string

	t   testing.TB
	srv *server
}

// Kafka starts a broker that ends with the test. There is no topic, and none is
// made by asking for it.
func Kafka(t testing.TB, o KafkaOptions) *Broker {
	t.Helper()
	root, dir := repo(t), t.TempDir()
	b := &Broker{Addr: HoldPort(t), t: t}
	props := filepath.Join(dir, "server.properties")
	write(t, props, []byte(b.properties(o, dir)))
	java := []string{
		"java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", kafkaLibs(t, root),
		"-Dlog4j2.configurationFile=" + filepath.Join(root, "internal/realworld/testdata/kafka/log4j2.properties"),
	}
	format := append(java[:len(java):len(java)], "kafka.tools.StorageTool", "format", "-t", "aetherAAAAAAAAAAAAAAAA", "-c", props)
	if o.SASL {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			format = append(format, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, KafkaUser, KafkaPassword))
		}
	}
	run(t, dir, format...)
	b.srv = &server{
		t: t, name: "Kafka", argv: append(java, "kafka.Kafka", props),
		logFile: filepath.Join(dir, "kafka.log"), ready: b.ready, grace: 40 * time.Second,
	}
	t.Cleanup(b.srv.cleanup)
	b.srv.start()
	return b
}

// kafkaLibs is the class path of the jars; they are fetched where they are missing.
func kafkaLibs(t testing.TB, root string) string {
	t.Helper()
	return filepath.Join(strings.TrimSpace(string(run(t, root, ".ci/real", "jars"))), "*")
}

// Client is what Go clients of the PLAINTEXT listener are configured with.
func (b *Broker) Client() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V4_0_0_0
	c.Producer.Return.Successes = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.Retry.Max = 0
	c.Net.DialTimeout, c.Net.ReadTimeout = 5*time.Second, 5*time.Second
	return c
}

// ready: the broker is registered with its controller and answers for itself.
func (b *Broker) ready(context.Context) error {
	admin, err := sarama.NewClusterAdmin([]string{b.Addr}, b.Client())
	if err != nil {
		return err
	}
	defer admin.Close()
	brokers, _, err := admin.DescribeCluster()
	if err == nil && len(brokers) != 1 {
		err = fmt.Errorf("%d brokers are registered", len(brokers))
	}
	return err
}

// CreateTopic returns when every partition has a leader; config may be nil.
func (b *Broker) CreateTopic(name string, partitions int32, config map[string]string) {
	b.t.Helper()
	admin, err := sarama.NewClusterAdmin([]string{b.Addr}, b.Client())
	if err != nil {
		b.t.Fatalf("connect to Kafka: %v", err)
	}
	defer admin.Close()
	entries := map[string]*string{}
	for k, v := range config {
		entries[k] = &v
	}
	detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: entries}
	if err := admin.CreateTopic(name, detail, false); err != nil {
		b.t.Fatalf("create topic %s: %v", name, err)
	}
	err = poll(startLimit, func(context.Context) error {
		topics, err := admin.DescribeTopics([]string{name})
		if err != nil {
			return err
		}
		led := 0
		for _, p := range topics[0].Partitions {
			if p.Leader >= 0 && p.Err == sarama.ErrNoError {
				led++
			}
		}
		if led != int(partitions) {
			return fmt.Errorf("%d of %d partitions have a leader", led, partitions)
		}
		return nil
	})
	if err != nil {
		b.t.Fatalf("create topic %s: %v", name, err)
	}
}

// Stop ends the broker in order; connections to it are refused until Start.
func (b *Broker) Stop() { b.t.Helper(); b.srv.stop(syscall.SIGTERM) }

// Kill ends the broker as a crash does.
func (b *Broker) Kill() { b.t.Helper(); b.srv.stop(syscall.SIGKILL) }

// Start starts a stopped broker on the same ports and data.
func (b *Broker) Start() { b.t.Helper(); b.srv.start() }

// Pause freezes the broker: connections open and nothing is answered.
func (b *Broker) Pause() { b.t.Helper(); b.srv.signal(syscall.SIGSTOP) }

// Resume lets a frozen broker go on.
func (b *Broker) Resume() { b.t.Helper(); b.srv.signal(syscall.SIGCONT) }
