package bridge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// stream serves one client until it leaves or the service ends.
type stream struct {
	b       *Bridge
	w       http.ResponseWriter
	control *http.ResponseController
	cur     cursor
	tag     string
	topic   Topic
	http1   bool
	dirty   bool // something was written since the last flush
	newest  int64
	beat    *time.Timer
}

// serveStream is GET /crm-events.
func (b *Bridge) serveStream(w http.ResponseWriter, r *http.Request) {
	s := &stream{b: b, w: w, control: http.NewResponseController(w), http1: r.ProtoMajor == 1}
	if n := b.clients.Add(1); n > int64(b.cfg.MaxClients) {
		b.clients.Add(-1)
		s.turnAway(30 * time.Second)
		return
	}
	defer b.clients.Add(-1)
	if !b.awaitTopic(r.Context()) {
		s.turnAway(b.cfg.Retry)
		return
	}
	first, err := s.begin(r)
	if err != nil {
		status := http.StatusServiceUnavailable
		if isBadRequest(err) {
			status = http.StatusBadRequest
		}
		http.Error(w, err.Error(), status)
		return
	}
	b.m.clients.Inc()
	defer b.m.clients.Dec()
	s.header()
	if err := s.write(first); err != nil {
		return
	}
	s.follow(r.Context())
}

func (s *stream) header() {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	if s.http1 {
		h.Set("Transfer-Encoding", "identity") // no chunks around every write, the stream ends with its connection
	}
	s.w.WriteHeader(http.StatusOK)
}

// turnAway ends a stream in the one way that browsers come back from: an error
// status would end their EventSource for good.
func (s *stream) turnAway(retry time.Duration) {
	s.b.m.turnedAway.Inc()
	s.header()
	_ = s.write(retryBlock(retry))
	_ = s.flush()
}

// retryBlock tells a client when to come again, so that not all do at once.
func retryBlock(d time.Duration) []byte {
	return fmt.Appendf(nil, "retry: %d\n\n", jitter(d, 0.5).Milliseconds())
}

// jitter is d, more or less by up to part of it.
func jitter(d time.Duration, part float64) time.Duration {
	return d + time.Duration((rand.Float64()*2-1)*part*float64(d))
}

// follow writes what there is and waits for more.
func (s *stream) follow(ctx context.Context) {
	s.beat = time.NewTimer(jitter(s.b.cfg.Heartbeat, 0.2))
	defer s.beat.Stop()
	for {
		k := s.b.log.read(&s.cur)
		var err error
		switch k.state {
		case stateBehind:
			err = s.catchUp(ctx, k.floor)
		case stateReplaced:
			err = s.replaced(k)
		default:
			s.tag = k.tagOr(s.tag)
			err = s.deliver(k)
		}
		if err != nil {
			return
		}
		if k.state == stateEnd && !s.wait(ctx, k.wake) {
			return
		}
		if s.b.closing() {
			s.farewell()
			return
		}
	}
}

func (k *chunk) tagOr(tag string) string {
	if k.tag != "" {
		return k.tag
	}
	return tag
}

func (s *stream) deliver(k chunk) error {
	if len(k.bytes) == 0 {
		return nil
	}
	if err := s.write(k.bytes); err != nil {
		return err
	}
	s.b.m.deliveries.Add(float64(k.events))
	s.newest = k.newest
	return nil
}

// wait flushes and waits for more; a heartbeat carries the position, so that a
// client for whom nothing comes is not left behind.
func (s *stream) wait(ctx context.Context, wake <-chan struct{}) bool {
	if s.flush() != nil {
		return false
	}
	s.cur.buf = nil
	for {
		select {
		case <-wake:
			return true
		case <-s.b.quit:
			return true
		case <-ctx.Done():
			return false
		case <-s.beat.C:
			s.beat.Reset(jitter(s.b.cfg.Heartbeat, 0.2))
			if s.write(append(appendIDLine(nil, s.tag, s.cur.own), '\n')) != nil || s.flush() != nil {
				return false
			}
		}
	}
}

func (s *stream) farewell() {
	_ = s.write(retryBlock(s.b.cfg.Retry))
	_ = s.flush()
}

// write hands bytes to the connection, which blocks for a client that does not
// read; after the timeout it is cut, and can resume.
func (s *stream) write(b []byte) error {
	if !s.dirty {
		_ = s.control.SetWriteDeadline(time.Now().Add(s.b.cfg.WriteTimeout))
	}
	s.dirty = true
	_, err := s.w.Write(b)
	return err
}

func (s *stream) flush() error {
	if !s.dirty {
		return nil
	}
	err := s.control.Flush()
	_ = s.control.SetWriteDeadline(time.Time{})
	s.dirty = false
	if s.newest > 0 {
		s.b.m.latency.Observe(max(time.Since(time.UnixMilli(s.newest)).Seconds(), 0))
		s.newest = 0
	}
	return err
}

// catchUp delivers from Kafka what the log no longer has, partition by
// partition, a bounded stretch at a time, until the log's beginning is reached.
func (s *stream) catchUp(ctx context.Context, floor Vector) error {
	s.b.m.catchUps.Inc()
	name := appendText(nil, []byte(s.topic.Name))
	for p := range floor {
		s.cur.own = s.cur.own.grown(int32(p))
		for s.cur.own[p] < floor[p] {
			if s.b.closing() {
				return nil
			}
			part, err := s.b.past(ctx, s.cur.epoch, int32(p), s.cur.own[p], floor[p])
			if errors.Is(err, errTopic) {
				return nil // the log says so at the next read
			}
			if err != nil {
				return err
			}
			if err := s.deliverPast(name, int32(p), part); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *stream) deliverPast(name []byte, p int32, part stretch) error {
	b, events := s.cur.buf[:0], 0
	if g := part.gap; g != nil {
		s.cur.own[p] = max(s.cur.own[p], g.To)
		b = s.gap(b, *g)
	}
	for i := range part.records {
		r := &part.records[i]
		s.cur.own[p] = max(s.cur.own[p], r.Offset+1)
		if !s.cur.filter.all() && !s.cur.filter.wants(p, labelsOf(r), false) {
			continue
		}
		b = appendIDLine(b, s.tag, s.cur.own)
		b = append(appendData(b, name, r), '\n')
		events++
	}
	s.cur.own[p] = max(s.cur.own[p], part.next)
	s.cur.buf = b
	if len(b) == 0 {
		return nil
	}
	if err := s.write(b); err != nil {
		return err
	}
	s.b.m.deliveries.Add(float64(events))
	return s.flush()
}

// gap appends a gap event, with the position after it.
func (s *stream) gap(b []byte, g Gap) []byte {
	s.b.m.gaps.WithLabelValues(g.Reason).Inc()
	if !has(s.cur.filter.partitions, g.Partition) {
		return b
	}
	b = appendIDLine(b, s.tag, s.cur.own)
	return append(appendGap(b, s.topic.Name, g), '\n')
}

// replaced says that what came after the client's position in the old topic
// cannot be had any more, and goes on with the new one's beginning.
func (s *stream) replaced(k chunk) error {
	old := s.cur.own
	s.tag, s.topic = k.tag, k.topic
	s.cur.epoch, s.cur.joined = k.epoch, false
	s.cur.own, s.cur.pos = k.origin, nil
	return s.write(s.recreated(old, k.origin))
}

// recreated is a gap event for every partition.
func (s *stream) recreated(old, origin Vector) (b []byte) {
	for p := range max(len(old), len(origin)) {
		b = s.gap(b, Gap{Partition: int32(p), From: old.at(p), To: origin.at(p), Reason: gapRecreated})
	}
	return b
}

// connected is the first frame: what is carried, and the position at which the
// client begins.
func (s *stream) connected() []byte {
	b := appendIDLine(nil, s.tag, s.cur.own)
	b = append(b, `data: {"kind":"connected","topic":`...)
	b = appendText(b, []byte(s.topic.Name))
	b = appendText(append(b, `,"group":`...), []byte(s.b.cfg.Group))
	b = strconv.AppendInt(append(b, `,"partitions":`...), int64(s.topic.Partitions), 10)
	if s.tag == "" {
		b = append(b, `,"topic_id":null`...)
	}
	return append(b, "}\n\n"...)
}
