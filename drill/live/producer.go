package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/kafka"
)

// Load is what the producer is asked for.
type Load struct {
	Drill  string // id in every event and in its header drill.HeaderID
	Topic  string
	Tenant string
	Events int
	Rate   int // events/s, 0: as fast as it goes
	Size   int // bytes of a value
}

// producerGrace is how long answers are waited for once the drill is ended
// from outside.
const producerGrace = 5 * time.Second

// produce sends events 0..Events-1 to partition seq mod n, idempotently. What
// it returns is what the producer believes; only the log is proof. The error
// says that the events could not be sent as they should be.
func produce(ctx context.Context, brokers []string, base *sarama.Config, l Load) (drill.Produced, error) {
	made := drill.Produced{Asked: l.Events, From: time.Now().UTC()}
	client, partitions, err := producerClient(ctx, brokers, base, l)
	if err != nil {
		return made, err
	}
	defer client.Close()
	acks, err := send(ctx, client, l, drill.EventType, l.Events, partitions)
	made.To, made.Acked, made.Indeterminate = time.Now().UTC(), len(acks.offsets), acks.failed
	if acks.err != nil {
		made.Error = acks.err.Error()
	}
	if err != nil {
		return made, err
	}
	if err := client.RefreshMetadata(l.Topic); err != nil {
		return made, fmt.Errorf("read metadata of %s: %w", l.Topic, err)
	}
	after, err := client.Partitions(l.Topic)
	if err != nil {
		return made, fmt.Errorf("list partitions of %s: %w", l.Topic, err)
	}
	if len(after) != partitions {
		return made, fmt.Errorf("topic %s had %d partitions and has %d: the drill's events are spread over a number that must not change", l.Topic, partitions, len(after))
	}
	return made, nil
}

// produceCanaries sends one event to every partition and returns their offsets.
func produceCanaries(ctx context.Context, brokers []string, base *sarama.Config, l Load) (drill.Canary, error) {
	l.Rate, l.Size = 0, drill.MinEventSize
	client, partitions, err := producerClient(ctx, brokers, base, l)
	if err != nil {
		return drill.Canary{}, err
	}
	defer client.Close()
	before, err := ends(client, l.Topic)
	if err != nil {
		return drill.Canary{}, err
	}
	acks, err := send(ctx, client, l, drill.CanaryType, partitions, partitions)
	if err := errors.Join(err, acks.err); err != nil {
		return drill.Canary{}, fmt.Errorf("send a canary to every partition of %s: %w", l.Topic, err)
	}
	c := drill.Canary{Offsets: make([]int64, partitions)}
	for p := range c.Offsets {
		c.Offsets[p] = acks.offsets[int64(p)]
		if c.Offsets[p] < before[p] { // sarama says 0 where the broker calls it a duplicate
			return drill.Canary{}, fmt.Errorf("the broker did not say at which offset of %s/%d the canary is", l.Topic, p)
		}
	}
	return c, nil
}

// producerClient is a client set up so that nothing acknowledged is lost,
// repeated or moved, and that a broker's restart is waited out.
func producerClient(ctx context.Context, brokers []string, base *sarama.Config, l Load) (sarama.Client, int, error) {
	c := *base
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Net.MaxOpenRequests = 1
	c.Producer.Return.Successes, c.Producer.Return.Errors = true, true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.Retry.Max = 50
	c.Producer.Retry.BackoffFunc = sarama.NewExponentialBackoff(100*time.Millisecond, 2*time.Second)
	c.Producer.MaxMessageBytes = max(c.Producer.MaxMessageBytes, l.Size+4096)
	client, err := sarama.NewClient(brokers, &c)
	if err != nil {
		return nil, 0, fmt.Errorf("connect to Kafka: %w", kafka.Explain(ctx, brokers, &c, err))
	}
	partitions, err := client.Partitions(l.Topic)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("list partitions of %s: %w", l.Topic, err), client.Close())
	}
	return client, len(partitions), nil
}

// acks is what came back: the offset by sequence number, and what did not work.
type acks struct {
	offsets map[int64]int64
	failed  int
	err     error // the first
}

// send hands over n events and waits for an answer to each.
func send(ctx context.Context, client sarama.Client, l Load, kind string, n, partitions int) (acks, error) {
	p, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		return acks{}, fmt.Errorf("start producer: %w", err)
	}
	answered := make(chan acks, 1)
	go func() { answered <- collect(p, n) }()
	err = feed(ctx, p, l, kind, n, partitions)
	p.AsyncClose()
	if err == nil {
		select {
		case a := <-answered:
			return a, nil
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	limit := time.NewTimer(producerGrace)
	defer limit.Stop()
	select {
	case a := <-answered:
		return a, err
	case <-limit.C: // the broker does not answer; the client's timeouts end the rest
		return acks{}, fmt.Errorf("the broker did not answer within %s: %w", producerGrace, err)
	}
}

func feed(ctx context.Context, p sarama.AsyncProducer, l Load, kind string, n, partitions int) error {
	began := time.Now()
	for seq := range int64(n) {
		if l.Rate > 0 {
			if err := pause(ctx, time.Until(began.Add(time.Duration(seq)*time.Second/time.Duration(l.Rate)))); err != nil {
				return err
			}
		}
		value, err := drill.Event{Type: kind, Tenant: l.Tenant, Seq: seq, Ts: time.Now().UTC(), Drill: l.Drill}.Encode(l.Size)
		if err != nil {
			return err
		}
		m := &sarama.ProducerMessage{
			Topic: l.Topic, Partition: int32(seq % int64(partitions)), Metadata: seq,
			Key: sarama.StringEncoder(l.Tenant), Value: sarama.ByteEncoder(value),
			Headers: []sarama.RecordHeader{{Key: []byte(drill.HeaderID), Value: []byte(l.Drill)}},
		}
		select {
		case p.Input() <- m:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// collect reads both channels until both are closed.
func collect(p sarama.AsyncProducer, n int) acks {
	a := acks{offsets: make(map[int64]int64, n)}
	done, failed := p.Successes(), p.Errors()
	for done != nil || failed != nil {
		select {
		case m, ok := <-done:
			if !ok {
				done = nil
				continue
			}
			a.offsets[m.Metadata.(int64)] = m.Offset
		case e, ok := <-failed:
			if !ok {
				failed = nil
				continue
			}
			a.failed++
			if a.err == nil {
				a.err = e.Err
			}
		}
	}
	return a
}
