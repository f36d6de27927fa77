package bridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// historyBytes bounds one read of history, and so what a slow client may hold.
const historyBytes = 256 << 10

var errNoKafka = errors.New("no answer from Kafka yet")

// Past implements history.
func (k *kafka) Past(_ context.Context, p int32, from, to int64) (stretch, error) {
	c := k.client.Load()
	if c == nil {
		return stretch{}, errNoKafka
	}
	client := *c
	broker, err := client.Leader(k.cfg.Topic, p)
	if err != nil {
		return stretch{}, fmt.Errorf("find leader of partition %d: %w", p, err)
	}
	records, next, err := fetch(broker, k.cfg.Topic, p, from, historyBytes, 100)
	if errors.Is(err, sarama.ErrOffsetOutOfRange) {
		return k.taken(client, p, from, to)
	}
	if err != nil {
		_ = client.RefreshMetadata(k.cfg.Topic)
		return stretch{}, fmt.Errorf("read partition %d at offset %d: %w", p, from, err)
	}
	if next == from {
		return stretch{}, fmt.Errorf("read partition %d at offset %d: nothing came, although the log goes on to %d", p, from, to)
	}
	for n := len(records); n > 0 && records[n-1].Offset >= to; n-- {
		records = records[:n-1]
	}
	return stretch{records: records, next: min(next, to)}, nil
}

// taken says what retention took of [from, to).
func (k *kafka) taken(client sarama.Client, p int32, from, to int64) (stretch, error) {
	start, err := client.GetOffset(k.cfg.Topic, p, sarama.OffsetOldest)
	if err != nil {
		return stretch{}, fmt.Errorf("read start of partition %d: %w", p, err)
	}
	if start <= from { // another topic, or one that was cut off: the readers find out
		return stretch{}, fmt.Errorf("read partition %d at offset %d: %w", p, from, sarama.ErrOffsetOutOfRange)
	}
	start = min(start, to)
	return stretch{gap: &Gap{Partition: p, From: from, To: start, Reason: gapRetention}, next: start}, nil
}

// Lookup implements history.
func (k *kafka) Lookup(_ context.Context, at LookupPoint) (Vector, error) {
	c := k.client.Load()
	if c == nil {
		return nil, errNoKafka
	}
	client := *c
	partitions, err := client.Partitions(k.cfg.Topic)
	if err != nil {
		return nil, fmt.Errorf("list partitions of %s: %w", k.cfg.Topic, err)
	}
	when := at.At.UnixMilli()
	switch {
	case at.Earliest:
		when = sarama.OffsetOldest
	case at.End:
		when = sarama.OffsetNewest
	}
	v := make(Vector, len(partitions))
	for p := range v {
		v[p], err = client.GetOffset(k.cfg.Topic, int32(p), when)
		if err == nil && v[p] < 0 { // no record at or after that time
			v[p], err = client.GetOffset(k.cfg.Topic, int32(p), sarama.OffsetNewest)
		}
		if err != nil {
			return nil, fmt.Errorf("look up an offset of partition %d: %w", p, err)
		}
	}
	return v, nil
}
