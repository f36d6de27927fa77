package bridge

import (
	"sync"
	"time"
)

// entry is one frame of a segment.
type entry struct {
	end       int32 // in the segment's bytes
	data      int32 // where the lines after the id begin
	partition int32
	next      int64 // the offset after it
	at        int64 // of the record, Unix milliseconds
	gap       bool
	labels    labels
}

// segment is a stretch of frames. Its bytes are only ever appended to, within
// the room they were made with, so that what was once read stays as it is.
type segment struct {
	base    uint64 // number of its first entry, counted over the log's life
	start   Vector // position before its first entry
	buf     []byte
	entries []entry
}

// segmentBytes is the room of a segment; a client that hangs in a write keeps
// one of them alive.
const segmentBytes = 128 << 10

// eventLog holds the latest frames. Readers append, clients read; a client that
// does not keep up is overtaken, never waited for. Safe for concurrent use.
type eventLog struct {
	limit int64
	m     *metrics

	mu     sync.RWMutex
	topic  Topic
	name   []byte // of the topic, as JSON
	tag    string
	epoch  int // changes when the topic was made anew; 0: nothing is known yet
	origin Vector
	segs   []*segment
	bytes  int64
	vec    Vector // position after the last frame
	id     []byte // scratch
	wake   chan struct{}
	kick   chan struct{}
}

func newLog(limit int64, m *metrics) *eventLog {
	return &eventLog{limit: limit, m: m, wake: make(chan struct{}), kick: make(chan struct{}, 1)}
}

// open makes the log one of this topic, beginning at start.
func (l *eventLog) open(t Topic, start Vector) {
	l.topic, l.tag, l.name = t, topicTag(t.ID), appendText(nil, []byte(t.Name))
	l.epoch++
	l.segs, l.bytes = nil, 0
	l.vec, l.origin = start.clone(), start.clone()
}

// Reset begins a topic: the first one, or another one under the same name, of
// which every client is told. What was held is forgotten.
func (l *eventLog) Reset(t Topic, start Vector) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open(t, start)
	l.changed()
}

// Grow says that partitions were added; each begins at 0.
func (l *eventLog) Grow(partitions int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.topic.Partitions = max(l.topic.Partitions, partitions)
	for len(l.vec) < partitions {
		l.vec = append(l.vec, 0)
	}
}

// Position is the next offset to be appended, per partition.
func (l *eventLog) Position() Vector {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.vec.clone()
}

// about is what a new client has to know.
func (l *eventLog) about() (t Topic, tag string, epoch int, end Vector) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.topic, l.tag, l.epoch, l.vec.clone()
}

// changed makes sure that waiting clients hear of it.
func (l *eventLog) changed() {
	select {
	case l.kick <- struct{}{}:
	default: // it is on its way already
	}
}

// scratch is memory for encoding outside of the lock.
type scratch struct {
	buf     []byte
	entries []entry // end and data count from the batch's beginning
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// batchBytes is about how much is appended under one lock.
const batchBytes = 32 << 10

// Append takes records of one partition, in offset order and from one goroutine;
// what the log has already is ignored. next is the offset after the last one
// consumed: markers and compaction leave holes, so it may lie beyond the last
// record. A backfill was committed before this process began, and is not counted.
func (l *eventLog) Append(partition int32, recs []Record, next int64, backfill bool) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	l.mu.RLock()
	name, have := l.name, l.vec.at(int(partition))
	l.mu.RUnlock()
	for len(recs) > 0 {
		s.buf, s.entries = s.buf[:0], s.entries[:0]
		for len(recs) > 0 && len(s.buf) < batchBytes {
			r := &recs[0]
			recs = recs[1:]
			if r.Offset < have {
				continue
			}
			begin := int32(len(s.buf))
			s.buf = appendData(s.buf, name, r)
			s.entries = append(s.entries, entry{
				data: begin, end: int32(len(s.buf)), partition: partition, next: r.Offset + 1, at: r.Time.UnixMilli(), labels: labelsOf(r),
			})
		}
		l.put(s)
		if !backfill {
			l.m.messages.Add(float64(len(s.entries)))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if int(partition) < len(l.vec) {
		l.vec[partition] = max(l.vec[partition], next)
	}
}

// put appends a batch under one lock.
func (l *eventLog) put(s *scratch) {
	if len(s.entries) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range s.entries {
		l.add(e, s.buf[e.data:e.end])
	}
	l.changed()
}

// Lost says that a reader had to jump.
func (l *eventLog) Lost(g Gap) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if int(g.Partition) >= len(l.vec) || g.To <= l.vec[g.Partition] {
		return
	}
	l.add(entry{partition: g.Partition, next: g.To, gap: true}, appendGap(nil, l.topic.Name, g))
	l.changed()
}

// add appends one frame: id, data, blank line. The lock is held.
func (l *eventLog) add(e entry, data []byte) {
	before := l.vec[e.partition]
	l.vec[e.partition] = e.next
	l.id = appendIDLine(l.id[:0], l.tag, l.vec)
	size := len(l.id) + len(data) + 1
	seg := l.last()
	if seg == nil || len(seg.buf)+size > cap(seg.buf) {
		l.vec[e.partition] = before
		seg = l.extend(size)
		l.vec[e.partition] = e.next
	}
	e.data = int32(len(seg.buf) + len(l.id))
	seg.buf = append(append(append(seg.buf, l.id...), data...), '\n')
	e.end = int32(len(seg.buf))
	seg.entries = append(seg.entries, e)
}

func (l *eventLog) last() *segment {
	if len(l.segs) == 0 {
		return nil
	}
	return l.segs[len(l.segs)-1]
}

// extend adds a segment and forgets the oldest ones beyond the limit.
func (l *eventLog) extend(size int) *segment {
	seg := &segment{start: l.vec.clone(), buf: make([]byte, 0, max(segmentBytes, size))}
	if prev := l.last(); prev != nil {
		seg.base = prev.base + uint64(len(prev.entries))
		seg.entries = make([]entry, 0, len(prev.entries)+len(prev.entries)/8)
	}
	l.segs = append(l.segs, seg)
	l.bytes += int64(cap(seg.buf))
	drop := 0
	for l.bytes > l.limit && drop < len(l.segs)-1 {
		l.bytes -= int64(cap(l.segs[drop].buf))
		drop++
	}
	if drop > 0 {
		l.segs = append([]*segment(nil), l.segs[drop:]...)
		l.m.logBytes.Set(float64(l.bytes))
	}
	return seg
}

// floor is the position before the oldest frame held. The lock is held.
func (l *eventLog) floor() Vector {
	if len(l.segs) > 0 {
		return l.segs[0].start
	}
	return l.vec
}

// wakeCost is about what it takes to serve one client that was woken.
const (
	wakeCost = 20 * time.Microsecond
	wakeMost = 100 * time.Millisecond
)

// broadcast wakes the clients when something was appended, but not again before
// it is through with them: under load they find more at once, and it is flushes
// that cost, not events. It returns when quit is closed.
func (l *eventLog) broadcast(quit <-chan struct{}, clients func() int) {
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-rest.C:
		case <-quit:
			return
		}
		select {
		case <-l.kick:
		case <-quit:
			return
		}
		l.mu.Lock()
		close(l.wake)
		l.wake = make(chan struct{})
		l.mu.Unlock()
		rest.Reset(min(time.Duration(clients())*wakeCost, wakeMost))
	}
}
