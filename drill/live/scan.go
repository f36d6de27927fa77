package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// scan reads [from, to) of one partition of the log, batch by batch, so that it
// knows where the log has no records: markers of transactions and what
// compaction took are passed over for certain, not by waiting.
type scan struct {
	client    sarama.Client
	topic     string
	partition int32
	next      int64
	bytes     int32 // asked for at once
	failures  int
}

const (
	scanBytes    = 4 << 20
	scanMaxBytes = 256 << 20
	scanTries    = 20 // in a row, 250 ms apart
)

// read calls put for every record, in offset order.
func (s *scan) read(ctx context.Context, to int64, put func(offset int64, r *sarama.Record) error) error {
	s.bytes = scanBytes
	for s.next < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		block, err := s.fetch()
		if errors.Is(err, sarama.ErrOffsetOutOfRange) {
			return fmt.Errorf("read %s/%d at offset %d: %w (retention may have taken it)", s.topic, s.partition, s.next, err)
		}
		if err != nil {
			if err := s.again(ctx, err); err != nil {
				return err
			}
			continue
		}
		if err := s.take(block, to, put); err != nil {
			return err
		}
	}
	return nil
}

// again prepares another try, if there is one left.
func (s *scan) again(ctx context.Context, cause error) error {
	s.failures++
	if s.failures > scanTries {
		return fmt.Errorf("read %s/%d at offset %d: %w", s.topic, s.partition, s.next, cause)
	}
	_ = s.client.RefreshMetadata(s.topic)
	return pause(ctx, 250*time.Millisecond)
}

func (s *scan) fetch() (*sarama.FetchResponseBlock, error) {
	leader, err := s.client.Leader(s.topic, s.partition)
	if err != nil {
		return nil, err
	}
	req := &sarama.FetchRequest{Version: 11, MinBytes: 1, MaxWaitTime: 250, MaxBytes: s.bytes, SessionEpoch: -1, Isolation: sarama.ReadUncommitted}
	req.AddBlock(s.topic, s.partition, s.next, s.bytes, -1)
	resp, err := leader.Fetch(req)
	if err != nil {
		_ = leader.Close() // the client opens it again
		return nil, err
	}
	block := resp.GetBlock(s.topic, s.partition)
	if block == nil {
		return nil, sarama.ErrIncompleteResponse
	}
	if !errors.Is(block.Err, sarama.ErrNoError) {
		return nil, block.Err
	}
	return block, nil
}

// take hands over what a response holds.
func (s *scan) take(block *sarama.FetchResponseBlock, to int64, put func(int64, *sarama.Record) error) error {
	began := s.next
	for _, set := range block.RecordsSet {
		b := set.RecordBatch
		if b == nil {
			return fmt.Errorf("read %s/%d at offset %d: message format older than Kafka 0.11", s.topic, s.partition, s.next)
		}
		if b.PartialTrailingRecord {
			break
		}
		for _, r := range b.Records {
			o := b.FirstOffset + r.OffsetDelta
			if b.Control || o < s.next || o >= to {
				continue
			}
			if err := put(o, r); err != nil {
				return err
			}
		}
		s.next = max(s.next, b.LastOffset()+1)
	}
	if s.next > began {
		s.failures = 0
		return nil
	}
	s.failures++ // nothing whole in it: ask for more, but not for ever
	if s.failures > scanTries {
		return fmt.Errorf("read %s/%d: nothing more after offset %d, %d were expected up to %d", s.topic, s.partition, s.next, to-s.next, to)
	}
	s.bytes = min(s.bytes*2, scanMaxBytes)
	return nil
}
