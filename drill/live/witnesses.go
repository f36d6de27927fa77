package live

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aetherlink/aether/lag/collector"
	"github.com/aetherlink/aether/promcheck"
)

const (
	clockPrometheus = "prometheus"
	seriesClients   = "crm_events_sse_clients"
	seriesStarted   = "process_start_time_seconds"
)

// witnesses are what watches the drill from outside. They live longer than a
// stage: they go on while a signal is obeyed and the target is put back.
type witnesses struct {
	prom   *promcheck.Client
	kafka  *collector.Reader
	stream *streamWitness
	scrape time.Duration // of the target; from the server, once it was read

	ctx        context.Context // ends all of them; owned by close
	cancel     context.CancelFunc
	group      sync.WaitGroup
	hangUp     context.CancelFunc // ends the stream alone
	streamGone chan struct{}
}

// openWitnesses connects to Prometheus and Kafka; it starts nothing yet.
func openWitnesses(ctx context.Context, r *run) (*witnesses, error) {
	prom, err := promcheck.New(promcheck.Options{URL: r.World.Prometheus, RoundTripper: r.World.PrometheusHTTP})
	if err != nil {
		return nil, fmt.Errorf("connect to Prometheus: %w", err)
	}
	kafka, err := collector.NewReader(r.World.Brokers, r.World.Sarama)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	w := &witnesses{prom: prom, kafka: kafka, scrape: time.Second, streamGone: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.stream = newStreamWitness(streamConfig{URL: r.streamURL(), Headers: r.Spec.Bridge.Headers}, r.tape, r.hasher, r.Log)
	return w, nil
}

// watchWorld reads the clock and the target, then starts the two that poll.
func (w *witnesses) watchWorld(ctx context.Context, r *run) error {
	if err := r.readClock(ctx); err != nil {
		return err
	}
	if err := r.readTarget(ctx); err != nil {
		return err
	}
	w.group.Go(func() { newPromWitness(w.prom, r).watch(w.ctx) })
	w.group.Go(func() { newKafkaWitness(w.kafka, r).watch(w.ctx) })
	return nil
}

func (w *witnesses) watchStream(r *run) {
	ctx, hangUp := context.WithCancel(w.ctx)
	w.hangUp = hangUp
	w.group.Go(func() {
		defer close(w.streamGone)
		if err := w.stream.Watch(ctx); err != nil && ctx.Err() == nil {
			r.Log.Error("stream witness ended", "err", err)
		}
	})
}

// stopStream hangs up and waits until that is on the tape.
func (w *witnesses) stopStream(ctx context.Context) error {
	if w.hangUp == nil {
		return nil
	}
	w.hangUp()
	select {
	case <-w.streamGone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends all of them and waits.
func (w *witnesses) close() {
	w.cancel()
	w.group.Wait()
	w.kafka.Close()
}
