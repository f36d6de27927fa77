package bridge

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"time"

	"github.com/IBM/sarama"
)

// reader reads one partition into the log, over a connection of its own: a
// fetch that waits for news would hold up every other one behind it.
type reader struct {
	k         *kafka
	client    sarama.Client
	out       *eventLog
	topic     string // its id
	partition int32
	next      int64
	backfill  int64 // records below it were committed before this process began

	broker *sarama.Broker
}

const (
	readBytes = 1 << 20
	readWait  = 500 // milliseconds that the broker may wait for a record
	readRetry = 250 * time.Millisecond
)

// run reads until ctx ends; whatever fails is tried again.
func (r *reader) run(ctx context.Context) {
	defer r.close()
	watermark := r.k.m.readTo.WithLabelValues(strconv.Itoa(int(r.partition)))
	for ctx.Err() == nil {
		err := r.once(ctx)
		watermark.Set(float64(r.next))
		if err != nil && ctx.Err() == nil {
			r.k.failed(failRead, "partition not read", fmt.Errorf("partition %d at offset %d: %w", r.partition, r.next, err))
			r.close()
			_ = r.client.RefreshMetadata(r.k.cfg.Topic)
			_ = pause(ctx, readRetry)
		}
	}
}

func (r *reader) once(ctx context.Context) error {
	if err := r.open(); err != nil {
		return err
	}
	records, next, err := fetch(r.broker, r.k.cfg.Topic, r.partition, r.next, readBytes, readWait)
	switch {
	case errors.Is(err, sarama.ErrOffsetOutOfRange):
		return r.outOfRange()
	case err != nil:
		return err
	case ctx.Err() != nil:
		return nil // of a topic that may be another one by now
	}
	r.hand(records, next)
	r.next = max(r.next, next)
	return nil
}

// hand gives the log what was read; what was committed before is not counted.
func (r *reader) hand(records []Record, next int64) {
	n := sort.Search(len(records), func(i int) bool { return records[i].Offset >= r.backfill })
	if n > 0 {
		r.out.Append(r.partition, records[:n], records[n-1].Offset+1, true)
	}
	if next > r.next {
		r.out.Append(r.partition, records[n:], next, false)
	}
}

// outOfRange says what retention took. Where the log ends before the offset the
// topic is another one, or was cut off: it is carried anew.
func (r *reader) outOfRange() error {
	start, err := r.client.GetOffset(r.k.cfg.Topic, r.partition, sarama.OffsetOldest)
	if err != nil {
		return fmt.Errorf("read start: %w", err)
	}
	if start <= r.next {
		r.k.ask()
		return sarama.ErrOffsetOutOfRange
	}
	r.k.m.gaps.WithLabelValues(gapRetention).Inc()
	r.k.log.Warn("retention took records before they were read", "partition", r.partition, "from", r.next, "to", start)
	r.out.Lost(Gap{Partition: r.partition, From: r.next, To: start, Reason: gapRetention})
	r.next = start
	return nil
}

// open connects to the leader. Whatever ended the connection before may have
// been the end of the topic, so its identity is looked at first: an offset of
// one topic means nothing in another.
func (r *reader) open() error {
	if r.broker != nil {
		return nil
	}
	now, err := r.k.describe(r.client)
	if err != nil {
		return err
	}
	if now.ID != r.topic {
		r.k.ask()
		return fmt.Errorf("%w: %s is another one now", errTopic, now.Name)
	}
	leader, err := r.client.Leader(r.k.cfg.Topic, r.partition)
	if err != nil {
		return err
	}
	broker := sarama.NewBroker(leader.Addr())
	if err := broker.Open(r.k.conf); err != nil {
		return err
	}
	r.broker = broker
	return nil
}

func (r *reader) close() {
	if r.broker != nil {
		_ = r.broker.Close()
		r.broker = nil
	}
}

// fetch asks once for records from an offset on. next is the offset after what
// the answer covered, markers of transactions and compacted records included.
func fetch(broker *sarama.Broker, topic string, p int32, from int64, bytes, wait int32) (records []Record, next int64, err error) {
	req := &sarama.FetchRequest{Version: 11, MinBytes: 1, MaxWaitTime: wait, MaxBytes: bytes, SessionEpoch: -1, Isolation: sarama.ReadUncommitted}
	req.AddBlock(topic, p, from, bytes, -1)
	resp, err := broker.Fetch(req)
	if err != nil {
		return nil, from, err
	}
	block := resp.GetBlock(topic, p)
	if block == nil {
		return nil, from, sarama.ErrIncompleteResponse
	}
	if !errors.Is(block.Err, sarama.ErrNoError) {
		return nil, from, block.Err
	}
	next = from
	for _, set := range block.RecordsSet {
		b := set.RecordBatch
		if b == nil {
			return nil, from, errors.New("message format older than Kafka 0.11")
		}
		if b.PartialTrailingRecord {
			break
		}
		if !b.Control {
			records = appendRecords(records, p, from, b)
		}
		next = max(next, b.LastOffset()+1)
	}
	return records, next, nil
}

func appendRecords(records []Record, p int32, from int64, b *sarama.RecordBatch) []Record {
	for _, r := range b.Records {
		o := b.FirstOffset + r.OffsetDelta
		if o < from { // a batch is sent whole, whatever was asked for
			continue
		}
		at := b.FirstTimestamp.Add(r.TimestampDelta)
		if b.LogAppendTime {
			at = b.MaxTimestamp
		}
		rec := Record{Partition: p, Offset: o, Time: at, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			rec.Headers = append(rec.Headers, Header{Key: string(h.Key), Value: h.Value})
		}
		records = append(records, rec)
	}
	return records
}
