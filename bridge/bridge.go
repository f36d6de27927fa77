package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bridge is the service. Make one with New, then Run it once.
type Bridge struct {
	cfg      Config
	slog     *slog.Logger
	reg      *prometheus.Registry
	m        *metrics
	log      *eventLog
	kafka    *kafka
	history  history
	readers  chan struct{} // one in it for every read of history under way
	listener net.Listener
	server   *http.Server
	clients  atomic.Int64
	quit     chan struct{} // closed when the service begins to end
}

// New binds the address and connects to nothing: a bridge starts, and is
// healthy but not ready, while Kafka is not there.
func New(cfg Config, log *slog.Logger, reg *prometheus.Registry) (*Bridge, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Addr, err)
	}
	if cfg.InstanceID == "" {
		cfg.InstanceID = instanceID(listener.Addr())
	}
	carrier, err := newKafka(cfg, log)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	b := &Bridge{cfg: cfg, kafka: carrier, slog: log, reg: reg, listener: listener, quit: make(chan struct{}), readers: make(chan struct{}, cfg.HistoryReaders)}
	b.m = newMetrics(reg, b.kafka.commitAge)
	b.kafka.m, b.history = b.m, b.kafka
	b.log = newLog(cfg.LogBytes, b.m)
	b.server = newServer(b.handler(), log)
	return b, nil
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1000, SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second}
	return s
}

// instanceID tells this replica from others, and is the same after a restart.
func instanceID(addr net.Addr) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	_, port, _ := net.SplitHostPort(addr.String())
	return host + "-" + port
}

// Addr is where it listens.
func (b *Bridge) Addr() net.Addr { return b.listener.Addr() }

// Run serves until ctx ends, then ends in good order, within Config.Shutdown
// whatever Kafka and clients do. The error says why it had to end by itself.
func (b *Bridge) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var group sync.WaitGroup
	failed := make(chan error, 2)
	group.Go(func() {
		if err := b.server.Serve(b.listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve %s: %w", b.Addr(), err)
		}
	})
	group.Go(func() { b.log.broadcast(b.quit, func() int { return int(b.clients.Load()) }) })
	group.Go(func() {
		if err := b.kafka.run(work, b.log); err != nil {
			failed <- err
		}
	})
	b.slog.Info("listening", "addr", b.Addr().String(), "topic", b.cfg.Topic, "group", b.cfg.Group)
	var err error
	select {
	case <-ctx.Done():
		b.slog.Info("ending", "clients", b.clients.Load())
	case err = <-failed:
	}
	b.end(stop, &group)
	return err
}

// end closes streams, commits what was appended, and waits for both, but not
// for longer than the limit: a broker that hangs would hold it for minutes.
func (b *Bridge) end(stop context.CancelFunc, group *sync.WaitGroup) {
	limit, cancel := context.WithTimeout(context.Background(), b.cfg.Shutdown)
	defer cancel()
	close(b.quit)
	stop()
	if err := b.server.Shutdown(limit); err != nil {
		b.slog.Warn("streams did not end in time", "err", err)
		_ = b.server.Close()
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-limit.Done():
		b.slog.Warn("Kafka did not let go in time; what was not committed is read again after the next start")
	}
}

func (b *Bridge) closing() bool {
	select {
	case <-b.quit:
		return true
	default:
		return false
	}
}

// unready is every reason why clients would not be served well.
func (b *Bridge) unready() (why []string) {
	if b.closing() {
		why = append(why, "ending")
	}
	return append(why, b.kafka.unready()...)
}

// topicWait is how long a stream is held open while nothing is known of the topic.
const topicWait = 5 * time.Second

// awaitTopic waits until the log is one of a topic.
func (b *Bridge) awaitTopic(ctx context.Context) bool {
	limit := time.NewTimer(topicWait)
	defer limit.Stop()
	select {
	case <-b.kafka.opened:
		return true
	case <-limit.C:
	case <-ctx.Done():
	case <-b.quit:
	}
	return false
}

// past reads history, one of a bounded number at a time, and again until it
// succeeds: what fails at Kafka is no reason to let a client go. It gives up
// with errTopic when the log is one of another topic.
func (b *Bridge) past(ctx context.Context, epoch int, p int32, from, to int64) (stretch, error) {
	for {
		part, err := b.pastOnce(ctx, p, from, to)
		if err == nil || ctx.Err() != nil || b.closing() {
			return part, err
		}
		if _, _, now, _ := b.log.about(); now != epoch {
			return stretch{}, errTopic
		}
		b.m.kafkaErrs.WithLabelValues(failRead).Inc()
		b.slog.Warn("history not read yet", "partition", p, "offset", from, "err", err)
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return stretch{}, err
		}
	}
}

func (b *Bridge) pastOnce(ctx context.Context, p int32, from, to int64) (stretch, error) {
	select {
	case b.readers <- struct{}{}:
		defer func() { <-b.readers }()
	case <-ctx.Done():
		return stretch{}, ctx.Err()
	case <-b.quit:
		return stretch{}, errors.New("the service ends")
	}
	return b.history.Past(ctx, p, from, to)
}

func (b *Bridge) lookup(ctx context.Context, at LookupPoint) (Vector, error) {
	return b.history.Lookup(ctx, at)
}

// pause waits; it returns ctx's error if that ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
