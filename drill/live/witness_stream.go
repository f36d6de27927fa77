package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aetherlink/aether/drill"
)

// streamConfig is what the SSE witness connects to.
type streamConfig struct {
	URL     string
	Headers map[string]drill.Secret
}

const (
	streamRetry    = 100 * time.Millisecond // between tries
	streamMaxRetry = 500 * time.Millisecond // what a service may ask for
	streamFlush    = 250 * time.Millisecond // arrivals go on the tape this often
	streamAnswer   = 10 * time.Second       // to the response's header
)

// streamWitness is a client of the stream: it resumes with Last-Event-ID for
// ever, and puts everything that arrives on the tape.
type streamWitness struct {
	cfg    streamConfig
	tape   *Tape
	hasher drill.Hasher
	log    *slog.Logger
	client *http.Client

	mu    sync.Mutex // of what follows; it may be held while the tape is written
	tally *drill.Tally
	conn  int
	fresh bool // nothing was put on the tape of this connection yet

	lastID string // of the reading goroutine alone
	hasIDs bool
	retry  time.Duration
}

func newStreamWitness(cfg streamConfig, tape *Tape, h drill.Hasher, log *slog.Logger) *streamWitness {
	dial := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 5 * time.Second}
	transport := &http.Transport{DialContext: dial.DialContext, DisableCompression: true, DisableKeepAlives: true, ResponseHeaderTimeout: streamAnswer}
	return &streamWitness{
		cfg: cfg, tape: tape, hasher: h, log: log, tally: drill.NewTally(), retry: streamRetry,
		client: &http.Client{Transport: transport},
	}
}

// Expect says what is owed; hashes[p][i] is that of offset owed.From[p]+i.
func (w *streamWitness) Expect(owed drill.Owed, hashes [][]uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range hashes {
		w.tally.Expect(int32(p), owed.From[p], hashes[p])
	}
}

// Watch reads the stream until ctx ends or the tape cannot be written.
func (w *streamWitness) Watch(ctx context.Context) error {
	attempts, reason := 0, ""
	for ctx.Err() == nil {
		body, err := w.connect(ctx)
		if err != nil {
			if reason != err.Error() {
				w.log.Debug("stream does not open", "url", w.cfg.URL, "err", err)
			}
			attempts, reason = attempts+1, err.Error()
			_ = pause(ctx, w.retry)
			continue
		}
		if err := w.follow(ctx, body, drill.Stream{Open: true, LastEventID: w.lastID, Attempts: attempts, Reason: reason}); err != nil {
			return err
		}
		attempts, reason = 0, ""
		_ = pause(ctx, w.retry)
	}
	if attempts > 0 { // the end of it: how often, and why not
		return w.tape.Put(drill.Record{Stream: &drill.Stream{Conn: w.conn, HasIDs: w.hasIDs, Attempts: attempts, Reason: reason}})
	}
	return nil
}

func (w *streamWitness) connect(ctx context.Context) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.cfg.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("connect to stream: %w", err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Cache-Control", "no-cache")
	for k, v := range w.cfg.Headers {
		req.Header.Set(k, v.Reveal())
	}
	if w.lastID != "" {
		req.Header.Set("Last-Event-ID", w.lastID)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		resp.Body.Close()
		return nil, fmt.Errorf("GET %s: status %d with content type %q, not a stream", w.cfg.URL, resp.StatusCode, kind)
	}
	return resp.Body, nil
}

// follow reads one connection to its end. The error is the tape's.
func (w *streamWitness) follow(ctx context.Context, body io.ReadCloser, open drill.Stream) error {
	defer body.Close()
	w.mu.Lock()
	w.conn++
	w.fresh = true
	w.tally.Connect(w.conn)
	w.mu.Unlock()
	open.Conn = w.conn
	if err := w.tape.Put(drill.Record{Stream: &open}); err != nil {
		return err
	}
	quit, flushed := make(chan struct{}), make(chan struct{})
	go w.flushing(quit, flushed)
	ended := w.read(body)
	close(quit)
	<-flushed
	if ctx.Err() != nil {
		ended = errors.New("the witness left")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.flush(); err != nil {
		return err
	}
	return w.tape.Put(drill.Record{Stream: &drill.Stream{Conn: w.conn, HasIDs: w.hasIDs, Reason: ended.Error()}})
}

// flushing puts arrivals on the tape, a few times a second.
func (w *streamWitness) flushing(quit, done chan struct{}) {
	defer close(done)
	tick := time.NewTicker(streamFlush)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.mu.Lock()
			_ = w.flush() // the tape remembers its error
			w.mu.Unlock()
		case <-quit:
			return
		}
	}
}

func (w *streamWitness) flush() error {
	seen, ok := w.tally.Flush()
	if !ok {
		return nil
	}
	return w.tape.Put(drill.Record{Seen: &seen})
}

// read takes blocks until the connection ends and says why it did.
func (w *streamWitness) read(body io.Reader) error {
	in := newSSEReader(body, w.lastID)
	var hashes []uint64
	for {
		block, err := in.next()
		w.lastID, w.hasIDs = in.lastID(), w.hasIDs || in.hasID
		if in.retry > 0 {
			w.retry = min(in.retry, streamMaxRetry)
		}
		if errors.Is(err, io.EOF) {
			return errors.New("ended by the service")
		}
		if err != nil {
			return err
		}
		switch block.name {
		case "gap":
			err = w.gap(block.data)
		default:
			hashes, err = w.event(block.data, hashes[:0])
		}
		if err != nil {
			return err
		}
	}
}

func (w *streamWitness) event(data []byte, hashes []uint64) ([]uint64, error) {
	f, control, err := readFrame(data)
	if control && err == nil {
		return hashes, nil
	}
	now := time.Now().UTC()
	if err == nil {
		hashes = f.hashes(w.hasher, hashes)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.tally.Unreadable(now, err.Error())
	} else {
		w.tally.Arrive(now, *f.Partition, *f.Offset, hashes...)
	}
	if !w.fresh {
		return hashes, nil
	}
	w.fresh = false // the first event of a connection does not wait
	return hashes, w.flush()
}

func (w *streamWitness) gap(data []byte) error {
	var g gapFrame
	err := json.Unmarshal(data, &g)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil || g.Partition == nil || g.From == nil || g.To == nil {
		w.tally.Unreadable(time.Now().UTC(), "a gap event without partition, from and to")
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	return w.tape.Put(drill.Record{Gap: &drill.Gap{Conn: w.conn, Partition: *g.Partition, From: *g.From, To: *g.To, Reason: g.Reason}})
}
