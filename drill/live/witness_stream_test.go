package live

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aetherlink/aether/drill"
)

// play is a service that answers each connection with the next answer, and
// refuses where there is none.
type play struct {
	asked   chan string // Last-Event-ID of each connection
	answers chan string
}

func newPlay(t *testing.T, answers ...string) (*play, *streamWitness, *Tape) {
	t.Helper()
	p := &play{asked: make(chan string, 100), answers: make(chan string, 100)}
	for _, a := range answers {
		p.answers <- a
	}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	tape := newTestTape()
	return p, newStreamWitness(streamConfig{URL: server.URL, Headers: map[string]drill.Secret{"X-Token": "s"}}, tape, drill.NewHasher(), slog.New(slog.DiscardHandler)), tape
}

func (p *play) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case text := <-p.answers:
		p.asked <- r.Header.Get("Last-Event-ID") + "," + r.Header.Get("X-Token")
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		fmt.Fprint(w, text)
	default:
		http.Error(w, "no more", http.StatusServiceUnavailable)
	}
}

func ev(id string, p, o int, value string) string {
	return fmt.Sprintf("id: %s\ndata: {\"partition\":%d,\"offset\":%d,\"key\":null,\"value\":%s}\n\n", id, p, o, value)
}

// watch runs the witness until a fact is there.
func watch(t *testing.T, w *streamWitness, tape *Tape, what string, ok func(*drill.Facts) bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Watch(ctx) }()
	awaitFact(t, tape, what, ok)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestStreamWitnessResumesAndAccounts(t *testing.T) {
	p, w, tape := newPlay(t,
		"retry: 1\n\nid: start\ndata: {\"kind\":\"connected\"}\n\n"+ev("a", 0, 0, "1")+ev("b", 1, 0, "2"),
		ev("c", 0, 2, "4")+ev("d", 0, 1, "3")+ev("e", 0, 2, "4")+"event: gap\ndata: {\"partition\":1,\"from\":1,\"to\":3,\"reason\":\"retention\"}\n\n"+ev("f", 1, 3, "\"other\"")+"data: {\"partition\":0}\n\n",
	)
	h := w.hasher
	owed := drill.Owed{From: []int64{1, 1}, To: []int64{3, 4}, Runs: []drill.Run{{Partition: 0, From: 1, Len: []int64{2}}, {Partition: 1, From: 1, Len: []int64{3}}}}
	w.Expect(owed, [][]uint64{{h.Event(nil, []byte("3")), h.Event(nil, []byte("4"))}, {h.Event(nil, []byte("5")), h.Event(nil, []byte("6")), h.Event(nil, []byte("7"))}})
	if err := tape.Put(drill.Record{Owed: &owed}); err != nil {
		t.Fatal(err)
	}
	watch(t, w, tape, "two connections have ended", func(f *drill.Facts) bool { return len(f.Streams) >= 4 })
	if first, second := <-p.asked, <-p.asked; first != ",s" || second != "b,s" {
		t.Errorf("Last-Event-ID and token were %q, then %q", first, second)
	}
	tape.View(func(f *drill.Facts) {
		l := f.Ledger()
		if l.Once != 2 || l.Repeated != 1 || l.Extra != 1 || l.Lost != 2 || l.Corrupt != 1 || l.OutOfOrder != 1 || l.Unreadable != 1 {
			t.Errorf("ledger %+v", l)
		}
		if len(f.Gaps) != 1 || f.Gaps[0].V != (drill.Gap{Conn: 2, Partition: 1, From: 1, To: 3, Reason: "retention"}) {
			t.Errorf("gaps %+v", f.Gaps)
		}
		if s := f.Streams[2].V; s.Conn != 2 || !s.Open || s.LastEventID != "b" {
			t.Errorf("the second connection is %+v", s)
		}
		if s := f.Streams[3].V; s.Open || !s.HasIDs || s.Reason != "ended by the service" {
			t.Errorf("its end is %+v", s)
		}
	})
}

// Tries that fail are not written down one by one, but not forgotten either.
func TestStreamWitnessSaysWhyItDoesNotConnect(t *testing.T) {
	p, w, tape := newPlay(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Watch(ctx) }()
	if pause(t.Context(), 3*streamRetry) != nil {
		t.Fatal("no time")
	}
	p.answers <- ev("a", 0, 0, "1")
	awaitFact(t, tape, "it connects in the end", streamOpen)
	awaitFact(t, tape, "that has ended", streamClosed)
	if pause(t.Context(), 2*streamRetry) != nil {
		t.Fatal("no time")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	tape.View(func(f *drill.Facts) {
		if s := f.Streams[0].V; s.Attempts < 2 || s.Reason == "" {
			t.Errorf("the first connection says nothing of the tries before it: %+v", s)
		}
		if s := f.Streams[len(f.Streams)-1].V; s.Open || s.Attempts < 1 {
			t.Errorf("the end says nothing of the tries after the last connection: %+v", s)
		}
		if len(f.Streams) != 3 {
			t.Errorf("%d records of the stream, want 3", len(f.Streams))
		}
	})
}
