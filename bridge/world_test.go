package bridge

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
)

const testTopic = "aetherlink.events"

// newBroker is a broker of the test's own.
func newBroker(tb testing.TB, partitions int, opts ...kfake.Opt) *kfake.Cluster {
	tb.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(int32(partitions), testTopic)}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

func testConfig(brokers []string) Config {
	cfg := DefaultConfig()
	cfg.Brokers, cfg.Topic, cfg.Addr = brokers, testTopic, "127.0.0.1:0"
	return cfg
}

// running is a bridge in this process.
type running struct {
	*Bridge
	url  string
	stop func() error // ends it in good order
}

func startBridge(tb testing.TB, cfg Config) *running {
	tb.Helper()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() && os.Getenv("BRIDGE_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	b, err := New(cfg, log, prometheus.NewRegistry())
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	done := false
	r := &running{Bridge: b, url: "http://" + b.Addr().String()}
	r.stop = func() error {
		if done {
			return nil
		}
		done = true
		cancel()
		return <-ended
	}
	tb.Cleanup(func() {
		if err := r.stop(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// ready waits until the bridge reads.
func (r *running) ready(tb testing.TB) {
	tb.Helper()
	await(tb, "the bridge is ready", func() bool { return len(r.unready()) == 0 })
}

// await waits for a condition, asking often; it fails the test after a while.
func await(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			tb.Fatalf("waited in vain until %s", what)
		}
	}
}

// message is what a test produces.
type message struct {
	partition  int32
	key, value []byte
	headers    []sarama.RecordHeader
}

func testProducer(tb testing.TB, brokers []string, logins ...func(*sarama.Config) error) sarama.SyncProducer {
	tb.Helper()
	c := sarama.NewConfig()
	for _, apply := range logins {
		if err := apply(c); err != nil {
			tb.Fatal(err)
		}
	}
	c.Version = sarama.V3_9_0_0
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.MaxMessageBytes = 2 << 20
	p, err := sarama.NewSyncProducer(brokers, c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = p.Close() })
	return p
}

// produce sends in order; a nil value is a tombstone.
func produce(tb testing.TB, p sarama.SyncProducer, list ...message) {
	tb.Helper()
	if err := p.SendMessages(saramaMessages(list)); err != nil {
		tb.Fatal(err)
	}
}

func saramaMessages(list []message) (out []*sarama.ProducerMessage) {
	for _, m := range list {
		pm := &sarama.ProducerMessage{Topic: testTopic, Partition: m.partition, Headers: m.headers}
		if m.key != nil {
			pm.Key = sarama.ByteEncoder(m.key)
		}
		if m.value != nil {
			pm.Value = sarama.ByteEncoder(m.value)
		}
		out = append(out, pm)
	}
	return out
}

// gate stands before a broker; frozen, it lets nothing through and closes nothing.
type gate struct {
	mu   sync.Mutex
	open chan struct{} // closed while it lets through
}

func newGate() *gate {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	return g
}

func (g *gate) freeze() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

func (g *gate) thaw() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
}

func (g *gate) pass() {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	<-open
}

func (g *gate) opt() kfake.Opt {
	return kfake.ListenFn(func(network, addr string) (net.Listener, error) {
		l, err := net.Listen(network, addr)
		return gatedListener{l, g}, err
	})
}

type gatedListener struct {
	net.Listener
	g *gate
}

func (l gatedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return gatedConn{c, l.g}, err
}

type gatedConn struct {
	net.Conn
	g *gate
}

func (c gatedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.g.pass()
	return n, err
}

func (c gatedConn) Write(b []byte) (int, error) {
	c.g.pass()
	return c.Conn.Write(b)
}

// numbered makes n events, spread over the partitions.
func numbered(from, n, partitions, size int) (list []message) {
	for i := from; i < from+n; i++ {
		list = append(list, message{partition: int32(i % partitions), value: fmt.Appendf(nil, `{"Type":"Test","TenantId":"t%d","Seq":%d,"Pad":"%s"}`, i%7, i, strings.Repeat("x", size))})
	}
	return list
}

// bridgeMain is a bridge in a process of its own; it prints its address.
func bridgeMain() int {
	cfg := testConfig(strings.Split(os.Getenv("KAFKA_BROKERS"), ","))
	if addr := os.Getenv("BRIDGE_ADDR"); addr != "" {
		cfg.Addr = addr
	}
	cfg.InstanceID = os.Getenv("BRIDGE_INSTANCE")
	b, err := New(cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)), prometheus.NewRegistry())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	fmt.Println(b.Addr())
	go func() { // the test is gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := b.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child starts this binary in another role; it ends with the test at the latest.
func child(tb testing.TB, role string, env ...string) (*exec.Cmd, io.WriteCloser, io.Reader) {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), "BRIDGE_TEST_ROLE="+role), env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if os.Getenv("BRIDGE_TEST_LOG") != "" {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, in, out
}

// get fetches a page.
func get(tb testing.TB, url string) (status int, body string) {
	tb.Helper()
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Get(url)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// silent connects a client that never reads.
func silent(tb testing.TB, addr string) {
	tb.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "GET /crm-events HTTP/1.1\r\nHost: silent\r\n\r\n"); err != nil {
		tb.Fatal(err)
	}
}
