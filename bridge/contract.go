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

// sink takes what the readers read. The log implements it. Records of one
// partition arrive in offset order from one goroutine; partitions arrive
// concurrently.
type sink interface {
	// Append takes records of one partition. Offsets the log already has are
	// ignored, so a reader may start again a little earlier. Control records and
	// compaction leave holes in the offsets; next is the offset after the last
	// one consumed and may lie beyond the last record's. backfill records are
	// below the group's commit at start: not counted as messages.
	Append(partition int32, recs []Record, next int64, backfill bool)
	// Lost says that the reader had to jump.
	Lost(g Gap)
	// Reset begins a new topic under the same name: everything held is
	// forgotten, every client is told by gap events, and the log goes on at start.
	Reset(t Topic, start Vector)
	// Grow says that partitions were added; start is where their log begins (0).
	Grow(partitions int)
	// Position is the next offset to be appended, per partition.
	Position() Vector
}

// history re-reads Kafka for a client that is older than the log. Reads are
// bounded in number; a further caller waits for its turn or for ctx.
type history interface {
	// Read delivers what is in [from, to) to put, partition by partition in
	// offset order (partitions may interleave), and returns when all of it was
	// delivered, ctx ended, or put failed. What retention took is delivered as
	// Gap. put is never called concurrently.
	Read(ctx context.Context, from, to Vector, put func(recs []Record, gap *Gap) error) error
	// Lookup returns the offsets to start from: the log starts, or the first
	// record at or after t in every partition (the end where there is none).
	Lookup(ctx context.Context, at LookupPoint) (Vector, error)
}

// LookupPoint is the log's start (Earliest) or a time.
type LookupPoint struct {
	Earliest bool
	At       time.Time
}
