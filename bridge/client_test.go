package bridge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// client is a reader of the stream that shares no code with what it tests.
type client struct {
	tb     testing.TB
	cancel context.CancelFunc
	body   io.ReadCloser
	in     *bufio.Reader
	id     string // of the last whole block
}

// block is one event of the stream, or an id alone.
type block struct {
	id, event, retry string
	data             string
}

// event is the data of a domain event.
type event struct {
	Kind      string          `json:"kind"`
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Timestamp int64           `json:"timestamp"`
	Key       *string         `json:"key"`
	KeyB64    *string         `json:"key_b64"`
	Value     json.RawMessage `json:"value"`
	ValueB64  *string         `json:"value_b64"`
	Tombstone bool            `json:"tombstone"`
	From, To  int64           // of a gap
	Reason    string
}

func (e event) key(tb testing.TB) []byte {
	switch {
	case e.KeyB64 != nil:
		return unbase64(tb, *e.KeyB64)
	case e.Key != nil:
		return []byte(*e.Key)
	}
	return nil
}

// value is the record's: JSON as it is written in the frame.
func (e event) value(tb testing.TB) []byte {
	switch {
	case e.Tombstone:
		return nil
	case e.ValueB64 != nil:
		return unbase64(tb, *e.ValueB64)
	}
	return e.Value
}

func unbase64(tb testing.TB, s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return append([]byte{}, b...)
}

// connect opens a stream and reads up to the frame that says connected.
func connect(tb testing.TB, url, query, lastID string) *client {
	tb.Helper()
	c, err := tryConnect(tb, url, query, lastID)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func tryConnect(tb testing.TB, url, query, lastID string) (*client, error) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/crm-events"+query, nil)
	if err != nil {
		tb.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		cancel()
		return nil, fmt.Errorf("status %d: %s", resp.StatusCode, text)
	}
	return &client{tb: tb, cancel: cancel, body: resp.Body, in: bufio.NewReader(resp.Body), id: lastID}, nil
}

func (c *client) close() {
	c.cancel()
	_ = c.body.Close()
}

// next reads a block. A line with anything but a field that SSE knows fails the
// test, and so does a carriage return, a NUL or invalid UTF-8.
func (c *client) next() (b block, err error) {
	var data []string
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return b, err
		}
		line = strings.TrimSuffix(line, "\n")
		if strings.ContainsAny(line, "\r\x00") || strings.ToValidUTF8(line, "") != line {
			c.tb.Errorf("a line no stream may have: %q", line)
		}
		if line == "" {
			b.data = strings.Join(data, "\n")
			if b.id != "" {
				c.id = b.id
			}
			return b, nil
		}
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case !ok:
			c.tb.Errorf("not a field: %q", line)
		case name == "id":
			b.id = value
		case name == "event":
			b.event = value
		case name == "retry":
			b.retry = value
		case name == "data":
			data = append(data, value)
		default:
			c.tb.Errorf("unknown field: %q", line)
		}
	}
}

// nextEvent is the next block with data other than connected.
func (c *client) nextEvent() (event, error) {
	for {
		b, err := c.next()
		if err != nil {
			return event{}, err
		}
		if b.data == "" {
			continue
		}
		var e event
		d := json.NewDecoder(bytes.NewReader([]byte(b.data)))
		if err := d.Decode(&e); err != nil {
			c.tb.Fatalf("%v in %q", err, b.data)
		}
		if e.Kind == "connected" {
			continue
		}
		if b.id == "" {
			c.tb.Fatalf("an event without an id: %q", b.data)
		}
		if (b.event == "gap") != (e.Kind == "gap") {
			c.tb.Fatalf("event %q with kind %q", b.event, e.Kind)
		}
		return e, nil
	}
}

// take reads n events.
func (c *client) take(n int) (list []event) {
	c.tb.Helper()
	for range n {
		e, err := c.nextEvent()
		if err != nil {
			c.tb.Fatalf("after %d of %d events: %v", len(list), n, err)
		}
		list = append(list, e)
	}
	return list
}

func newReader(b []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(b)) }

func newReaderOf(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }

// seen is what one client had over all its connections.
type seen map[int32]map[int64]int

func (s seen) add(tb testing.TB, e event) {
	tb.Helper()
	if e.Kind == "gap" {
		tb.Fatalf("a gap: %+v", e)
	}
	if s[e.Partition] == nil {
		s[e.Partition] = map[int64]int{}
	}
	s[e.Partition][e.Offset]++
}

func (s seen) count() (n int) {
	for _, p := range s {
		n += len(p)
	}
	return n
}

// wantOnce: [0, ends) of every partition, each once.
func (s seen) wantOnce(tb testing.TB, ends []int64) {
	tb.Helper()
	for p, end := range ends {
		for o := range end {
			if n := s[int32(p)][o]; n != 1 {
				tb.Errorf("partition %d offset %d was seen %d times", p, o, n)
			}
		}
		if n := len(s[int32(p)]); int64(n) != end {
			tb.Errorf("partition %d: %d events, want %d", p, n, end)
		}
	}
}

// wantOrder: offsets rise within a partition.
func wantOrder(tb testing.TB, list []event) {
	tb.Helper()
	last := map[int32]int64{}
	for _, e := range list {
		if o, ok := last[e.Partition]; ok && e.Offset <= o {
			tb.Errorf("partition %d: offset %d after %d", e.Partition, e.Offset, o)
		}
		last[e.Partition] = e.Offset
	}
}
