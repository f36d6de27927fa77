package live

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"github.com/aetherlink/aether/drill"
)

// readPlan is which part of the log is read back, and whose events are the drill's.
type readPlan struct {
	Topic    string
	From, To []int64
	Drill    string
}

// readPart is what one partition held.
type readPart struct {
	hashes  []uint64 // by offset from From on; 0: no record
	owed    []int64
	drill   []int64 // offsets
	seqs    []int64
	altered []int64
	err     error
}

// readBack reads what is owed and hashes it: 8 bytes a record are kept. Where
// the log could not be read there is an error, and nothing is owed.
func readBack(ctx context.Context, client sarama.Client, plan readPlan, h drill.Hasher) (drill.Owed, [][]uint64, error) {
	parts := make([]readPart, len(plan.To))
	var group sync.WaitGroup
	for p := range parts {
		group.Go(func() { parts[p].read(ctx, client, plan, int32(p), h) })
	}
	group.Wait()
	owed := drill.Owed{From: plan.From, To: plan.To, Drill: drill.Drill{Regular: true}}
	hashes := make([][]uint64, len(parts))
	var errs error
	var seqs []int64
	for p := range parts {
		part := &parts[p]
		errs = errors.Join(errs, part.err)
		hashes[p] = part.hashes
		runs, _ := drill.RunsOf(int32(p), part.owed)
		mine, _ := drill.RunsOf(int32(p), part.drill)
		owed.Runs, owed.Drill.Offsets = append(owed.Runs, runs...), append(owed.Drill.Offsets, mine...)
		owed.Drill.Altered = append(owed.Drill.Altered, part.altered...)
		owed.Drill.Regular = owed.Drill.Regular && regular(part.seqs, p, len(parts))
		owed.Other += int64(len(part.owed) - len(part.drill))
		seqs = append(seqs, part.seqs...)
	}
	if errs != nil {
		return drill.Owed{From: plan.From, To: plan.To}, nil, errs
	}
	owed.Drill.Seqs, owed.Drill.Again = drill.RunsOf(0, seqs)
	owed.Drill.Altered = owed.Drill.Altered[:min(len(owed.Drill.Altered), drill.MaxOddities)]
	return owed, hashes, nil
}

// regular: the sequence numbers of partition p of n are p, p+n, p+2n …
func regular(seqs []int64, p, n int) bool {
	for i, s := range seqs {
		if s != int64(p)+int64(i)*int64(n) {
			return false
		}
	}
	return true
}

func (r *readPart) read(ctx context.Context, client sarama.Client, plan readPlan, p int32, h drill.Hasher) {
	from, to := plan.From[p], plan.To[p]
	if from > to {
		r.err = fmt.Errorf("read %s/%d: the stream has shown offset %d, but the log ends at %d: was the topic made anew?", plan.Topic, p, from-1, to)
		return
	}
	r.hashes = make([]uint64, to-from)
	s := &scan{client: client, topic: plan.Topic, partition: p, next: from}
	r.err = s.read(ctx, to, func(o int64, rec *sarama.Record) error {
		r.hashes[o-from] = h.Event(rec.Key, rec.Value)
		r.owed = append(r.owed, o)
		if !ours(rec, plan.Drill) {
			return nil
		}
		e, intact, ok := drill.ParseEvent(rec.Value)
		switch {
		case !ok || e.Drill != plan.Drill:
			return fmt.Errorf("%s/%d offset %d carries this drill's header, but not its event", plan.Topic, p, o)
		case e.Type != drill.EventType: // a canary is owed like any other record
			return nil
		case !intact && len(r.altered) < drill.MaxOddities:
			r.altered = append(r.altered, e.Seq)
		}
		r.drill, r.seqs = append(r.drill, o), append(r.seqs, e.Seq)
		return nil
	})
}

func ours(rec *sarama.Record, id string) bool {
	for _, h := range rec.Headers {
		if string(h.Key) == drill.HeaderID && string(h.Value) == id {
			return true
		}
	}
	return false
}

// lookAgain looks for records in the log that were owed and not delivered.
func lookAgain(ctx context.Context, client sarama.Client, topic string, missing []drill.Run) (lost drill.Lost, err error) {
	for _, run := range missing {
		start, err := client.GetOffset(topic, run.Partition, sarama.OffsetOldest)
		if err != nil {
			return lost, fmt.Errorf("read start of %s/%d: %w", topic, run.Partition, err)
		}
		var there, expired, gone []int64
		for from, to := range run.Spans() {
			for ; from < min(to, start); from++ {
				expired = append(expired, from)
			}
			next := from
			s := &scan{client: client, topic: topic, partition: run.Partition, next: from}
			err := s.read(ctx, to, func(o int64, _ *sarama.Record) error {
				for ; next < o; next++ {
					gone = append(gone, next)
				}
				there, next = append(there, o), o+1
				return nil
			})
			if err != nil {
				return lost, err
			}
			for ; next < to; next++ {
				gone = append(gone, next)
			}
		}
		for _, part := range []struct {
			runs    *[]drill.Run
			offsets []int64
		}{{&lost.InLog, there}, {&lost.Expired, expired}, {&lost.Missing, gone}} {
			runs, _ := drill.RunsOf(run.Partition, part.offsets)
			*part.runs = append(*part.runs, runs...)
		}
	}
	return lost, nil
}
