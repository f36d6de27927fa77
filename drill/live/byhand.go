package live

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/kafka"
)

// Landed is where events went in one partition. Between From and To, both
// included, somebody else's may lie too; both are −1 where the broker did not say.
type Landed struct {
	Partition int32
	Events    int
	From, To  int64
}

// ByHand sends l's events outside of a drill, in the way of a drill's own: to
// partition seq mod n, idempotently, acknowledged by all replicas. It returns
// where they are, by partition; the error says how many were not acknowledged.
func ByHand(ctx context.Context, brokers []string, base *sarama.Config, l Load) ([]Landed, error) {
	client, partitions, err := producerClient(ctx, brokers, base, l)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	before, err := ends(client, l.Topic) // of every leader, so that one out of reach is found before anything is sent
	if err != nil {
		return nil, kafka.Explain(ctx, brokers, base, err)
	}
	got, err := send(ctx, client, l, drill.EventType, l.Events, partitions)
	landed := land(got.offsets, before)
	if missing := l.Events - len(got.offsets); missing > 0 {
		return landed, fmt.Errorf("%d of %d events were not acknowledged: %w", missing, l.Events, errors.Join(err, got.err))
	}
	return landed, err
}

// land sums offsets by sequence number up, by partition. An offset from before
// the first event is none: sarama says 0 where the broker calls it a duplicate.
func land(offsets map[int64]int64, before []int64) []Landed {
	all := make([]Landed, len(before))
	for p := range all {
		all[p] = Landed{Partition: int32(p), From: -1, To: -1}
	}
	for seq, offset := range offsets {
		at := &all[seq%int64(len(before))]
		at.Events++
		if offset < before[at.Partition] {
			continue
		}
		if at.From < 0 || offset < at.From {
			at.From = offset
		}
		at.To = max(at.To, offset)
	}
	return all
}
