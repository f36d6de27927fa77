package live

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/aetherlink/aether/drill"
)

// produce makes the backlog.
func (r *run) produce(ctx context.Context) (drill.Produced, error) {
	r.show.note(fmt.Sprintf("producing %d events", r.Spec.Backlog.Events))
	return produce(ctx, r.World.Brokers, r.World.Sarama, r.load())
}

// sendCanaries sends one event to every partition.
func (r *run) sendCanaries(ctx context.Context) (drill.Canary, error) {
	return produceCanaries(ctx, r.World.Brokers, r.World.Sarama, r.load())
}

func (r *run) load() Load {
	b := r.Spec.Backlog
	return Load{Drill: r.Info.ID, Topic: r.Spec.Kafka.Topic, Tenant: b.Tenant, Events: b.Events, Rate: b.Rate, Size: b.Size}
}

// readOwed reads the log back, from where the stream stood to where it ends now.
func (r *run) readOwed(ctx context.Context, from []int64) (drill.Owed, [][]uint64, error) {
	r.show.note("reading the log back")
	client, err := sarama.NewClient(r.World.Brokers, r.World.Sarama)
	if err != nil {
		return drill.Owed{From: from}, nil, fmt.Errorf("connect to Kafka: %w", r.World.explain(ctx, err))
	}
	defer client.Close()
	to, err := ends(client, r.Spec.Kafka.Topic)
	if err != nil {
		return drill.Owed{From: from}, nil, err
	}
	if len(from) != len(to) {
		return drill.Owed{From: from, To: to}, nil, fmt.Errorf("the stream showed %d partitions, the topic has %d", len(from), len(to))
	}
	return readBack(ctx, client, readPlan{Topic: r.Spec.Kafka.Topic, From: from, To: to, Drill: r.Info.ID}, r.hasher)
}

// ends is the next offset of every partition.
func ends(client sarama.Client, topic string) ([]int64, error) {
	partitions, err := client.Partitions(topic)
	if err != nil {
		return nil, fmt.Errorf("list partitions of %s: %w", topic, err)
	}
	to := make([]int64, len(partitions))
	for p := range to {
		if to[p], err = client.GetOffset(topic, int32(p), sarama.OffsetNewest); err != nil {
			return nil, fmt.Errorf("read end offset of %s/%d: %w", topic, p, err)
		}
	}
	return to, nil
}

// lookAgain reads the log for what was owed and not seen.
func (r *run) lookAgain(ctx context.Context) error {
	var missing []drill.Run
	r.tape.View(func(f *drill.Facts) { missing = f.Missing() })
	if len(missing) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var lost drill.Lost
	client, err := sarama.NewClient(r.World.Brokers, r.World.Sarama)
	if err == nil {
		defer client.Close()
		lost, err = lookAgain(ctx, client, r.Spec.Kafka.Topic, missing)
	}
	if err != nil {
		lost.Error = err.Error()
	}
	return r.tape.Put(drill.Record{Lost: &lost})
}
