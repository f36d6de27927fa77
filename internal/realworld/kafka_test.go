//go:build integration && linux

package realworld

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash"
	"net"
	"os"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

const topic = "aetherlink.events"

func TestKafkaKeepsItsDataAndPort(t *testing.T) {
	wantNothingLeft(t, func(t *testing.T) {
		b := Kafka(t, KafkaOptions{})
		b.CreateTopic(topic, 3, map[string]string{"max.message.bytes": "2000"})
		if got := produce(t, b.Addr, b.Client(), "before"); got != 0 {
			t.Errorf("the first record has offset %d", got)
		}
		for name, end := range map[string]func(){"stop": b.Stop, "kill": b.Kill} {
			end()
			if conn, err := net.Dial("tcp", b.Addr); err == nil {
				conn.Close()
				t.Errorf("%s: something still listens on %s", name, b.Addr)
			}
			b.Start()
		}
		if got := produce(t, b.Addr, b.Client(), "after"); got != 1 {
			t.Errorf("the first record after two restarts has offset %d, not 1", got)
		}
		if got := consume(t, b.Addr, b.Client(), 2); got[0] != "before" || got[1] != "after" {
			t.Errorf("read %q", got)
		}
	})
}

func TestKafkaFreezes(t *testing.T) {
	b := Kafka(t, KafkaOptions{})
	b.CreateTopic(topic, 1, nil)
	b.Pause()
	conf := b.Client()
	conf.Net.ReadTimeout = 500 * time.Millisecond
	_, err := sarama.NewClient([]string{b.Addr}, conf)
	if err == nil {
		t.Error("a frozen broker answers")
	}
	b.Resume()
	produce(t, b.Addr, b.Client(), "thawed")
	b.Pause() // and Cleanup has to end it all the same
}

func TestKafkaSecureListeners(t *testing.T) {
	for name, o := range map[string]KafkaOptions{
		"TLS": {TLS: true}, "client certificates": {TLS: true, ClientCert: true}, "SASL": {SASL: true}, "both": {TLS: true, SASL: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := Kafka(t, o)
			b.CreateTopic(topic, 1, nil)
			mechanisms := []string{""}
			if o.SASL {
				mechanisms = []string{sarama.SASLTypePlaintext, sarama.SASLTypeSCRAMSHA256, sarama.SASLTypeSCRAMSHA512}
			}
			for i, m := range mechanisms {
				if got := produce(t, b.Secure, secure(t, b, o, m, KafkaPassword), m); got != int64(i) {
					t.Errorf("%s: offset %d, not %d", m, got, i)
				}
				if got := consume(t, b.Secure, secure(t, b, o, m, KafkaPassword), i+1); got[i] != m {
					t.Errorf("%s: read %q", m, got)
				}
				if m == "" {
					continue
				}
				if _, err := sarama.NewClient([]string{b.Secure}, secure(t, b, o, m, "wrong")); !errors.Is(err, sarama.ErrSASLAuthenticationFailed) {
					t.Errorf("%s with a wrong password: %v", m, err)
				}
			}
			if _, err := sarama.NewClient([]string{b.Secure}, b.Client()); err == nil {
				t.Error("the secure listener takes a client without TLS or SASL")
			}
			if o.ClientCert {
				if _, err := sarama.NewClient([]string{b.Secure}, secure(t, b, KafkaOptions{TLS: true}, "", "")); err == nil {
					t.Error("the listener takes a client without a certificate")
				}
			}
		})
	}
}

func produce(t *testing.T, addr string, conf *sarama.Config, value string) (offset int64) {
	t.Helper()
	p, err := sarama.NewSyncProducer([]string{addr}, conf)
	if err != nil {
		t.Fatalf("connect producer: %v", err)
	}
	defer p.Close()
	_, offset, err = p.SendMessage(&sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder("k"), Value: sarama.StringEncoder(value)})
	if err != nil {
		t.Fatalf("produce: %v", err)
	}
	return offset
}

// consume reads the first n records of whichever partition has key k.
func consume(t *testing.T, addr string, conf *sarama.Config, n int) (values []string) {
	t.Helper()
	client, err := sarama.NewClient([]string{addr}, conf)
	if err != nil {
		t.Fatalf("connect consumer: %v", err)
	}
	defer client.Close()
	partitions, err := client.Partitions(topic)
	if err != nil {
		t.Fatalf("list partitions: %v", err)
	}
	p, err := sarama.NewHashPartitioner(topic).Partition(&sarama.ProducerMessage{Key: sarama.StringEncoder("k")}, int32(len(partitions)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	pc, err := c.ConsumePartition(topic, p, sarama.OffsetOldest)
	if err != nil {
		t.Fatalf("consume partition %d: %v", p, err)
	}
	defer pc.Close()
	limit := time.After(10 * time.Second)
	for len(values) < n {
		select {
		case m := <-pc.Messages():
			values = append(values, string(m.Value))
		case <-limit:
			t.Fatalf("read %q, wanted %d records", values, n)
		}
	}
	return values
}

func secure(t *testing.T, b *Broker, o KafkaOptions, mechanism, password string) *sarama.Config {
	t.Helper()
	c := b.Client()
	if o.TLS {
		c.Net.TLS.Enable, c.Net.TLS.Config = true, clientTLS(t, b, o.ClientCert)
	}
	if mechanism == "" {
		return c
	}
	c.Net.SASL.Enable, c.Net.SASL.User, c.Net.SASL.Password = true, KafkaUser, password
	c.Net.SASL.Mechanism = sarama.SASLMechanism(mechanism)
	c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient {
		if mechanism == sarama.SASLTypeSCRAMSHA256 {
			return &conversation{hash: sha256.New}
		}
		return &conversation{hash: sha512.New}
	}
	return c
}

func clientTLS(t *testing.T, b *Broker, withCert bool) *tls.Config {
	t.Helper()
	ca, err := os.ReadFile(b.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	conf := &tls.Config{RootCAs: x509.NewCertPool()}
	if !conf.RootCAs.AppendCertsFromPEM(ca) {
		t.Fatalf("no certificate in %s", b.CAFile)
	}
	if withCert {
		pair, err := tls.LoadX509KeyPair(b.ClientCertFile, b.ClientKeyFile)
		if err != nil {
			t.Fatal(err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf
}

// conversation is SCRAM as sarama asks for it.
type conversation struct {
	*scram.ClientConversation
	hash func() hash.Hash
}

func (c *conversation) Begin(user, password, authzID string) error {
	client, err := scram.HashGeneratorFcn(c.hash).NewClient(user, password, authzID)
	if err != nil {
		return fmt.Errorf("begin SCRAM: %w", err)
	}
	c.ClientConversation = client.NewConversation()
	return nil
}
