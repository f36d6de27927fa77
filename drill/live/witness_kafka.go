package live

import (
	"context"
	"log/slog"
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/lag/collector"
)

// kafkaWitness looks at commits and end offsets, commits first.
type kafkaWitness struct {
	reader       *collector.Reader
	tape         *Tape
	log          *slog.Logger
	group, topic string
	last         time.Time
	blind        *drill.Blind
}

// kafkaEvery is how often Kafka is asked for its offsets.
const kafkaEvery = 500 * time.Millisecond

func newKafkaWitness(c *collector.Reader, r *run) *kafkaWitness {
	return &kafkaWitness{reader: c, tape: r.tape, log: r.Log, group: r.Spec.Kafka.Group, topic: r.Spec.Kafka.Topic}
}

func (w *kafkaWitness) watch(ctx context.Context) {
	for {
		w.round(ctx)
		if pause(ctx, kafkaEvery) != nil {
			return
		}
	}
}

func (w *kafkaWitness) round(ctx context.Context) {
	began := time.Now().UTC()
	s, err := w.reader.Read(ctx, w.group, w.topic)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil && w.blind == nil:
		w.log.Warn("Kafka did not answer", "err", err)
		w.blind = &drill.Blind{Witness: "kafka", From: began, Reason: err.Error()}
		if !w.last.IsZero() {
			w.blind.From = w.last
		}
		return
	case err != nil:
		return
	}
	if w.blind != nil {
		w.blind.To = began
		_ = w.tape.Put(drill.Record{Blind: w.blind})
		w.blind = nil
	}
	w.last = s.Answered
	_ = w.tape.Put(drill.Record{Offsets: &drill.Offsets{
		Asked: s.Asked, Answered: s.Answered, Start: s.Start, End: s.End, Committed: s.Committed, Members: s.Members,
	}})
}
