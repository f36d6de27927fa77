package bridge

import "sort"

// cursor is where a client stands. own is what it has; pos is the position of
// the log at which it reads, never ahead of own. As long as they differ, frames
// that it has are skipped and ids are written anew; after that, what the log
// holds is sent as it is. Not safe for concurrent use.
type cursor struct {
	filter filter
	epoch  int
	own    Vector
	pos    Vector
	next   uint64 // number of the entry that is read next
	joined bool   // next and pos are set

	buf []byte // of frames that had to be copied
}

// state is what a read found.
type state int

const (
	stateData     state = iota // there is something to write
	stateEnd                   // the same, and it is all there is
	stateBehind                // the log begins after what the client has
	stateReplaced              // the topic was made anew
)

// chunk is what a read hands over; its bytes are valid until the next one.
type chunk struct {
	state  state
	bytes  []byte
	events int
	newest int64         // time of the last record in it, Unix milliseconds
	wake   chan struct{} // closed when there is more, for stateEnd
	floor  Vector        // for stateBehind: what history has to deliver up to
	origin Vector        // for stateReplaced: where the new topic begins
	tag    string
	epoch  int
	topic  Topic
}

// copyBytes is about how much is copied for one write.
const copyBytes = 64 << 10

// read is the next stretch for the cursor.
func (l *eventLog) read(c *cursor) chunk {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if c.epoch != l.epoch {
		return chunk{state: stateReplaced, origin: l.origin.clone(), tag: l.tag, epoch: l.epoch, topic: l.topic}
	}
	if c.joined && len(l.segs) > 0 && c.next < l.segs[0].base {
		c.joined = false
	}
	if !c.joined && !l.join(c) {
		return chunk{state: stateBehind, floor: l.floor().clone(), tag: l.tag}
	}
	seg, i := l.find(c.next)
	if seg == nil {
		c.end(l.vec)
		return chunk{state: stateEnd, wake: l.wake}
	}
	k := chunk{tag: l.tag}
	if c.filter.all() && c.pos.covers(c.own) {
		k.whole(seg, i)
		c.next = seg.base + uint64(len(seg.entries))
	} else {
		c.copy(&k, seg, i, l.tag)
	}
	if c.next < seg.base+uint64(len(seg.entries)) {
		return k
	}
	if seg != l.last() {
		c.end(l.segs[l.index(c.next)].start)
		return k
	}
	c.end(l.vec)
	k.state, k.wake = stateEnd, l.wake
	return k
}

// join finds the last position of the log that the client is not behind of: the
// first frame that it does not have, in the last segment that it covers.
func (l *eventLog) join(c *cursor) bool {
	if len(l.segs) == 0 {
		if !c.own.covers(l.vec) {
			return false
		}
		c.next, c.joined = 0, true
		c.end(l.vec)
		return true
	}
	n := sort.Search(len(l.segs), func(i int) bool { return !c.own.covers(l.segs[i].start) })
	if n == 0 {
		return false
	}
	seg := l.segs[n-1]
	c.pos, c.next, c.joined = append(c.pos[:0], seg.start...), seg.base, true
	for _, e := range seg.entries {
		if e.next > c.own.at(int(e.partition)) {
			break
		}
		c.pos = c.pos.grown(e.partition)
		c.pos[e.partition] = e.next
		c.next++
	}
	return true
}

// index is that of the segment which holds entry n, or the one after the last.
func (l *eventLog) index(n uint64) int {
	return sort.Search(len(l.segs), func(i int) bool { return l.segs[i].base+uint64(len(l.segs[i].entries)) > n })
}

// find is the segment that holds entry n, and n's place in it.
func (l *eventLog) find(n uint64) (*segment, int) {
	at := l.index(n)
	if at == len(l.segs) {
		return nil, 0
	}
	return l.segs[at], int(n - l.segs[at].base)
}

// whole takes the rest of a segment as it is.
func (k *chunk) whole(seg *segment, i int) {
	from := int32(0)
	if i > 0 {
		from = seg.entries[i-1].end
	}
	k.bytes = seg.buf[from:len(seg.buf):len(seg.buf)]
	k.events = len(seg.entries) - i
	k.newest = seg.entries[len(seg.entries)-1].at
}

// copy takes what the client lacks and wants, with ids of its own.
func (c *cursor) copy(k *chunk, seg *segment, i int, tag string) {
	c.buf = c.buf[:0]
	for ; i < len(seg.entries) && len(c.buf) < copyBytes; i++ {
		e := &seg.entries[i]
		c.next++
		p := e.partition
		c.pos, c.own = c.pos.grown(p), c.own.grown(p)
		c.pos[p] = e.next
		if e.next <= c.own[p] {
			continue
		}
		c.own[p] = e.next
		if c.filter.wants(p, e.labels, e.gap) {
			c.buf = appendIDLine(c.buf, tag, c.own)
			c.buf = append(c.buf, seg.buf[e.data:e.end]...)
			k.events, k.newest = k.events+1, e.at
		}
	}
	k.bytes = c.buf
}

// end puts the cursor at a position of the log that it has read up to.
func (c *cursor) end(pos Vector) {
	c.pos = append(c.pos[:0], pos...)
	for p, o := range pos {
		c.own = c.own.grown(int32(p))
		c.own[p] = max(c.own[p], o)
	}
}

// grown has a place for partition p.
func (v Vector) grown(p int32) Vector {
	for int(p) >= len(v) {
		v = append(v, 0)
	}
	return v
}

// filter is what a client asked for; empty is everything.
type filter struct {
	tenants, kinds []string
	partitions     []int32
}

func (f *filter) all() bool {
	return len(f.tenants) == 0 && len(f.kinds) == 0 && len(f.partitions) == 0
}

// wants says whether a frame is for the client. A gap concerns everybody who
// wants its partition, whatever was in it.
func (f *filter) wants(p int32, l labels, gap bool) bool {
	return has(f.partitions, p) && (gap || has(f.tenants, l.tenant) && has(f.kinds, l.kind))
}

func has[T comparable](list []T, v T) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return len(list) == 0
}
