package bridge

import (
	"context"
	"time"
)

// Topic is the identity of what is being carried. ID changes when a topic is
// deleted and made again under the same name; it is empty where the broker has
// no topic ids.
type Topic struct {
	Name       string
	ID         string
	Partitions int
}

// Header is one Kafka record header.
type Header struct {
	Key   string
	Value []byte
}

// Record is one Kafka record, free of any client library.
type Record struct {
	Partition int32
	Offset    int64
	Time      time.Time
	Key       []byte // nil: no key
	Value     []byte // nil: tombstone
	Headers   []Header
}

// Gap is a range of offsets, [From, To) of Partition, that can never be
// delivered. It is told to clients, never jumped over in silence.
type Gap struct {
	Partition int32
	From, To  int64
	Reason    string // "retention" or "topic recreated"
}

// history reads Kafka for clients that are older than the log.
type history interface {
	// Past reads some of [from, to) of a partition, in offset order. It returns
	// an error only for what may be better at another try.
	Past(ctx context.Context, partition int32, from, to int64) (stretch, error)
	// Lookup is an offset for every partition.
	Lookup(ctx context.Context, at LookupPoint) (Vector, error)
}

// stretch is a piece of the past: what retention took, then records. next is
// the offset to go on with, always above the one that was asked for.
type stretch struct {
	gap     *Gap
	records []Record
	next    int64
}

// LookupPoint is the log's start, its end, or the first record at or after a
// time (the end where there is none).
type LookupPoint struct {
	Earliest, End bool
	At            time.Time
}
