package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// badRequest is an error that the client has to mend.
type badRequest struct{ error }

func (e badRequest) Unwrap() error { return e.error }

func isBadRequest(err error) bool {
	var b badRequest
	return errors.As(err, &b)
}

// begin reads what the request asks for, puts the cursor there, and returns the
// first frames. Garbage is refused: guessing would repeat everything, or lose it.
func (s *stream) begin(r *http.Request) ([]byte, error) {
	q := r.URL.Query()
	var err error
	if s.cur.filter, err = parseFilter(q); err != nil {
		return nil, badRequest{err}
	}
	topic, tag, epoch, end := s.b.log.about()
	s.topic, s.tag, s.cur.epoch = topic, tag, epoch
	var gaps []byte
	switch id, from := resumeID(r, q), q.Get("from"); {
	case id != "":
		gaps, err = s.resume(r.Context(), id, end)
	case from == "" || from == "latest":
		s.cur.own = end
	default:
		gaps, err = s.beginAt(r.Context(), from, end)
	}
	if err != nil {
		return nil, err
	}
	return append(retryBlock(s.b.cfg.Retry), append(gaps, s.connected()...)...), nil
}

// resumeID is the client's last id: the header that browsers send, else the
// query for those that cannot.
func resumeID(r *http.Request, q url.Values) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return q.Get("last_event_id")
}

// beginAt understands earliest, an id, and times.
func (s *stream) beginAt(ctx context.Context, from string, end Vector) ([]byte, error) {
	if from == "earliest" {
		return nil, s.lookup(ctx, LookupPoint{Earliest: true})
	}
	if at, ok := parseTime(from); ok {
		return nil, s.lookup(ctx, LookupPoint{At: at})
	}
	gaps, err := s.resume(ctx, from, end)
	if isBadRequest(err) {
		return nil, badRequest{fmt.Errorf("from: %.40q is none of earliest, latest, an event id, a time such as 2026-01-02T15:04:05Z, or Unix milliseconds", from)}
	}
	return gaps, err
}

func (s *stream) lookup(ctx context.Context, p LookupPoint) (err error) {
	s.cur.own, err = s.b.lookup(ctx, p)
	if err != nil {
		return fmt.Errorf("find where to begin: %w", err)
	}
	return nil
}

func parseTime(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, true
	}
	ms, err := strconv.ParseInt(s, 10, 64)
	return time.UnixMilli(ms), err == nil && ms >= 0
}

// resume continues after an id. One of another topic, or one beyond what the
// log of Kafka has, is of a topic that is no more: that is said, and the new one
// is carried from its beginning.
func (s *stream) resume(ctx context.Context, id string, end Vector) ([]byte, error) {
	tag, own, err := parseID(id)
	if err != nil {
		return nil, badRequest{err}
	}
	if s.tag != "" && tag != "" && tag != s.tag {
		if err := s.lookup(ctx, LookupPoint{Earliest: true}); err != nil {
			return nil, err
		}
		return s.recreated(own, s.cur.own), nil
	}
	s.cur.own = own
	if end.covers(own) {
		return nil, nil
	}
	return s.beyond(ctx, end)
}

// beyond checks partitions in which the client is ahead of this process: either
// another replica was faster, or the records are gone.
func (s *stream) beyond(ctx context.Context, end Vector) (gaps []byte, err error) {
	last, err := s.b.lookup(ctx, LookupPoint{End: true})
	if err != nil {
		return nil, fmt.Errorf("find the end of the topic: %w", err)
	}
	var start Vector
	for p, o := range s.cur.own {
		if o <= max(last.at(p), end.at(p)) || p >= len(last) && s.tag != "" {
			continue
		}
		if start == nil {
			if start, err = s.b.lookup(ctx, LookupPoint{Earliest: true}); err != nil {
				return nil, fmt.Errorf("find the start of the topic: %w", err)
			}
		}
		s.cur.own[p] = start.at(p)
		gaps = s.gap(gaps, Gap{Partition: int32(p), From: o, To: start.at(p), Reason: gapRecreated})
	}
	return gaps, nil
}

func parseFilter(q url.Values) (f filter, err error) {
	for k := range q {
		switch k {
		case "tenant", "type", "partition", "from", "last_event_id":
		default:
			return f, fmt.Errorf("%.40q is not a parameter; there are from, last_event_id, partition, tenant and type", k)
		}
	}
	f.tenants, f.kinds = q["tenant"], q["type"]
	for _, text := range q["partition"] {
		p, err := strconv.ParseInt(text, 10, 32)
		if err != nil || p < 0 {
			return f, fmt.Errorf("partition: %.40q is not a number from 0 on", text)
		}
		f.partitions = append(f.partitions, int32(p))
	}
	return f, nil
}
