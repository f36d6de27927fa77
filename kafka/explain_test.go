package kafka

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func config(t *testing.T, l Login) *sarama.Config {
	t.Helper()
	c := sarama.NewConfig()
	c.Version = sarama.V3_9_0_0
	c.Metadata.Retry.Max = 0
	c.Net.DialTimeout, c.Net.ReadTimeout, c.Net.WriteTimeout = time.Second, time.Second, time.Second
	if err := l.Apply(c); err != nil {
		t.Fatal(err)
	}
	return c
}

func broker(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, "t")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// connect is what a client meets: bootstrap, then the leader of a partition.
func connect(brokers []string, c *sarama.Config) error {
	client, err := sarama.NewClient(brokers, c)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.GetOffset("t", 0, sarama.OffsetNewest)
	return err
}

// explained connects, must fail, and is the words for it.
func explained(t *testing.T, brokers []string, l Login) error {
	t.Helper()
	c := config(t, l)
	cause := connect(brokers, c)
	if cause == nil {
		t.Fatal("it connected")
	}
	err := Explain(t.Context(), brokers, c, cause)
	if !errors.Is(err, cause) {
		t.Errorf("the cause %v is not in %v", cause, err)
	}
	return err
}

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in: %v", w, err)
		}
	}
}

// nobody is an address that refuses.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// unknown cannot be a name, and so is not asked about anywhere.
const unknown = "kafka..invalid:9092"

func TestExplainUnreachable(t *testing.T) {
	addr := nobody(t)
	wantWords(t, explained(t, []string{addr}, Login{}), addr+" refuses connections; is the broker running there, and is the address right?")
	wantWords(t, explained(t, []string{unknown}, Login{}), unknown+" does not resolve here")
	wantWords(t, explained(t, []string{addr, unknown}, Login{}), addr+" refuses connections", unknown+" does not resolve here")
}

func TestExplainTLS(t *testing.T) {
	server, own := newIdentity(t)
	_, other := newIdentity(t)
	secure := broker(t, kfake.TLS(server)).ListenAddrs()
	plain := broker(t).ListenAddrs()
	strict := broker(t, kfake.TLS(&tls.Config{Certificates: server.Certificates, ClientAuth: tls.RequireAnyClientCert})).ListenAddrs()
	for _, c := range []struct {
		name    string
		brokers []string
		tls     *TLS
		says    string
	}{
		{"TLS expected", secure, nil, " speaks TLS, and none is configured; set kafka.tls (--tls)"},
		{"TLS not expected", plain, &TLS{CAFile: own.CAFile}, " speaks plaintext, and TLS is configured; use the port of the TLS listener"},
		{"no CA", secure, &TLS{}, " has a certificate that is not trusted; set kafka.tls.ca_file (--tls-ca)"},
		{"another CA", secure, &TLS{CAFile: other.CAFile}, " has a certificate that is not trusted; is kafka.tls.ca_file (--tls-ca) the CA that signed it?"},
		{"another name", []string{strings.Replace(secure[0], "127.0.0.1", "127.0.0.2", 1)}, &TLS{CAFile: own.CAFile}, " has a certificate for another name"},
		{"no client certificate", strict, &TLS{CAFile: own.CAFile}, " does not accept our client certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "another name" {
				c.brokers = forward(t, "127.0.0.2", secure[0])
			}
			err := explained(t, c.brokers, Login{TLS: c.tls})
			wantWords(t, err, c.brokers[0]+c.says)
		})
	}
	if err := connect(strict, config(t, Login{TLS: &own})); err != nil {
		t.Errorf("with its client certificate: %v", err)
	}
}

func TestExplainSomethingElse(t *testing.T) {
	s := httptest.NewServer(nil)
	t.Cleanup(s.Close)
	addr := s.Listener.Addr().String()
	wantWords(t, explained(t, []string{addr}, Login{}), addr+" does not answer as a Kafka broker does")
	_, own := newIdentity(t)
	wantWords(t, explained(t, []string{addr}, Login{TLS: &own}), addr+" does not answer over TLS")
}

func TestExplainLogin(t *testing.T) {
	addrs := broker(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "ann", "right"), kfake.Superuser("SCRAM-SHA-256", "ann", "right")).ListenAddrs()
	for _, mechanism := range []string{"PLAIN", "scram-sha-256"} {
		if err := connect(addrs, config(t, Login{SASL: &SASL{mechanism, "ann", "right"}})); err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
		err := explained(t, addrs, Login{SASL: &SASL{mechanism, "ann", "wr0ng-pw"}})
		wantWords(t, err, `refused the login of user "ann" with `+strings.ToUpper(mechanism))
		if strings.Contains(err.Error(), "wr0ng-pw") {
			t.Errorf("the password is printed: %v", err)
		}
	}
	wantWords(t, explained(t, addrs, Login{}), addrs[0]+": the broker hangs up on who has not logged in; set kafka.sasl")
}

// Apache Kafka says that it refuses, where kfake hangs up.
func TestExplainALoginThatIsRefusedInWords(t *testing.T) {
	for _, c := range []struct {
		at   kmsg.Key
		said *kerr.Error
		says string
	}{
		{kmsg.SASLAuthenticate, kerr.SaslAuthenticationFailed, `the broker refused the login of user "ann" with PLAIN`},
		{kmsg.SASLHandshake, kerr.UnsupportedSaslMechanism, `the broker does not offer the mechanism PLAIN to user "ann"`},
		{kmsg.SASLHandshake, kerr.IllegalSaslState, `the broker takes no login here (user "ann", PLAIN)`},
	} {
		b := broker(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "ann", "right"))
		b.ControlKey(c.at.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
			b.KeepControl()
			r := req.ResponseKind()
			switch r := r.(type) {
			case *kmsg.SASLAuthenticateResponse:
				r.ErrorCode = c.said.Code
			case *kmsg.SASLHandshakeResponse:
				r.ErrorCode = c.said.Code
			}
			return r, nil, true
		})
		wantWords(t, explained(t, b.ListenAddrs(), Login{SASL: &SASL{"PLAIN", "ann", "right"}}), c.says)
	}
}

// The classic: the bootstrap answers, and sends its clients to where they
// cannot go.
func TestExplainAdvertisedListeners(t *testing.T) {
	for advertised, is := range map[string]string{unknown: "which does not resolve here", nobody(t): "which refuses connections"} {
		var real string
		broker(t, kfake.ListenFn(func(network, addr string) (net.Listener, error) {
			l, err := net.Listen(network, addr)
			if err != nil {
				return nil, err
			}
			real = l.Addr().String()
			return elsewhere{l, advertised}, nil
		}))
		err := explained(t, []string{real}, Login{})
		wantWords(t, err, fmt.Sprintf("bootstrap %s answered, but it advertises %s, %s; set advertised.listeners, or use the listener that advertises an address reachable from here", real, advertised, is))
	}
}

type elsewhere struct {
	net.Listener
	addr string
}

func (e elsewhere) Addr() net.Addr { return advertisedAddr(e.addr) }

type advertisedAddr string

func (advertisedAddr) Network() string  { return "tcp" }
func (a advertisedAddr) String() string { return string(a) }

// What the broker said itself needs no other words, and what has nothing to do
// with the connection must not be blamed on it.
func TestExplainLeavesOtherErrorsAlone(t *testing.T) {
	well := broker(t).ListenAddrs()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	cause := errors.New("something else")
	for name, c := range map[string]struct {
		ctx     context.Context
		brokers []string
		err     error
	}{
		"none":               {t.Context(), well, nil},
		"said by the broker": {t.Context(), []string{nobody(t)}, fmt.Errorf("read: %w", sarama.ErrTopicAuthorizationFailed)},
		"the broker is well": {t.Context(), well, cause},
		"one of two is well": {t.Context(), []string{nobody(t), well[0]}, cause},
		"no broker":          {t.Context(), nil, cause},
		"ended":              {ended, []string{nobody(t)}, cause},
	} {
		if got := Explain(c.ctx, c.brokers, config(t, Login{}), c.err); got != c.err {
			t.Errorf("%s: %v became %v", name, c.err, got)
		}
	}
}

// forward is another address of a broker.
func forward(t *testing.T, host, to string) []string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skipf("this system has no second loopback address: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				return
			}
			pipe := func(from, to net.Conn) {
				defer to.Close()
				_, _ = bufio.NewReader(from).WriteTo(to)
			}
			go pipe(in, out)
			go pipe(out, in)
		}
	}()
	return []string{l.Addr().String()}
}
