package drill

import (
	"fmt"
	"time"
)

// Tally compares what arrives on the stream with what is owed, and packs it
// into Seen records. It keeps 9 bytes an owed event and what arrived since the
// last Flush. Not safe for concurrent use.
type Tally struct {
	conn    int
	parts   map[int32]*tallyPartition
	order   []int32 // partitions with pending arrivals
	pending Seen
	any     bool
}

type tallyPartition struct {
	from    int64
	hashes  []uint64 // 0: no event at that offset
	seen    []bool
	last    int64 // greatest offset on this connection, -1 for none
	arrived []int64
}

// NewTally expects nothing yet.
func NewTally() *Tally { return &Tally{parts: map[int32]*tallyPartition{}} }

// Expect says what is owed of one partition: hashes[i] is that of offset
// from+i, 0 where the log has no event.
func (t *Tally) Expect(p int32, from int64, hashes []uint64) {
	part := t.part(p)
	part.from, part.hashes, part.seen = from, hashes, make([]bool, len(hashes))
}

// Connect begins connection n: the order of arrivals starts afresh. What is
// pending should be flushed first.
func (t *Tally) Connect(n int) {
	t.conn = n
	for _, p := range t.parts {
		p.last = -1
	}
}

func (t *Tally) part(p int32) *tallyPartition {
	part := t.parts[p]
	if part == nil {
		part = &tallyPartition{last: -1}
		t.parts[p] = part
	}
	return part
}

// Arrive counts one event. hashes are the readings its content allows; one of
// them has to be the one expected.
func (t *Tally) Arrive(at time.Time, p int32, o int64, hashes ...uint64) {
	t.touch(at)
	part := t.part(p)
	if len(part.arrived) == 0 {
		t.order = append(t.order, p)
	}
	part.arrived = append(part.arrived, o)
	i := o - part.from
	owed := i >= 0 && i < int64(len(part.hashes))
	if o < part.last && !(owed && part.seen[i]) {
		t.pending.Misordered.Add(Oddity{Partition: p, Offset: o, Note: fmt.Sprintf("came after offset %d", part.last)})
	}
	part.last = max(part.last, o)
	if !owed {
		return
	}
	part.seen[i] = true
	t.pending.Checked++
	for _, h := range hashes {
		if h == part.hashes[i] {
			return
		}
	}
	t.pending.Corrupt.Add(Oddity{Partition: p, Offset: o, Note: "key or value is not what the log has"})
}

// Unreadable counts a frame whose partition and offset could not be read.
func (t *Tally) Unreadable(at time.Time, note string) {
	t.touch(at)
	t.pending.Unreadable.Add(Oddity{Partition: -1, Offset: -1, Note: note})
}

func (t *Tally) touch(at time.Time) {
	if !t.any {
		t.pending.First, t.any = at, true
	}
	t.pending.Last = at
}

// Flush hands over what arrived since the last one; ok is false for nothing.
func (t *Tally) Flush() (s Seen, ok bool) {
	if !t.any {
		return Seen{}, false
	}
	s = t.pending
	s.Conn, s.Runs = t.conn, []Run{}
	for _, p := range t.order {
		part := t.parts[p]
		runs, extra := RunsOf(p, part.arrived)
		s.Runs, s.Again = append(s.Runs, runs...), append(s.Again, extra...)
		part.arrived = part.arrived[:0]
	}
	t.order, t.pending, t.any = t.order[:0], Seen{}, false
	return s, true
}
