package bridge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func newTestMetrics() *metrics {
	return newMetrics(prometheus.NewRegistry(), func() float64 { return 0 })
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"~0", "abc~1.2.3", "~", "", "~1..2", "~01", "~-1", "~zzzzzzzzzzzzzzzz", "3w5e11264sgsf~9.a.b", "~1\n2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tag, v, err := parseID(s)
		if err != nil {
			return
		}
		if got := string(appendID(nil, tag, v)); got != s {
			t.Errorf("%q was read as %q %v, which is written %q", s, tag, v, got)
		}
		for _, c := range s {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-", c) {
				t.Errorf("%q was taken, with %q in it", s, c)
			}
		}
	})
}

func FuzzFrame(f *testing.F) {
	for i := range 36 {
		m := nasty(i)
		f.Add(m.key, m.value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		r := &Record{Partition: 1, Offset: 2, Time: time.UnixMilli(3), Key: key, Value: value}
		line := appendData(nil, []byte(`"t"`), r)
		if !bytes.HasPrefix(line, []byte("data: ")) || bytes.IndexByte(line, '\n') != len(line)-1 || bytes.ContainsAny(line, "\r\x00") || !utf8.Valid(line) {
			t.Fatalf("%q", line)
		}
		var e event
		if err := json.Unmarshal(line[len("data: "):], &e); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if got := e.key(t); !bytes.Equal(got, key) {
			t.Errorf("key %q, want %q", got, key)
		}
		if (e.ValueB64 == nil && !e.Tombstone) != (json.Valid(value) && utf8.Valid(value)) {
			t.Errorf("value %q went as %q", value, line)
		}
		wantValue(t, e, value)
	})
}

func TestLabels(t *testing.T) {
	for _, row := range []struct {
		name  string
		value string
		heads []Header
		want  labels
	}{
		{"the service's own", `{"Type":"JobCreated","TenantId":"t1","Seq":1}`, nil, labels{"t1", "JobCreated"}},
		{"the other spelling", `{"id":1,"type":"a","tenant_id":"t2"}`, nil, labels{"t2", "a"}},
		{"only the outermost object", `{"data":{"TenantId":"no","Type":"no"},"Type":"yes"}`, nil, labels{"", "yes"}},
		{"not from an array", `["TenantId","no"]`, nil, labels{}},
		{"text is no name", `{"a":"TenantId","b":"x"}`, nil, labels{}},
		{"escapes", `{"TenantId":"a\"b\u00e9"}`, nil, labels{"a\"bé", ""}},
		{"not text", `{"TenantId":7,"Type":null}`, nil, labels{}},
		{"headers win", `{"TenantId":"value"}`, []Header{{"tenant_id", []byte("head")}, {"event_type", []byte("T")}}, labels{"head", "T"}},
		{"binary uuid", ``, []Header{{"tenant_id", append(make([]byte, 15), 1)}}, labels{"00000000-0000-0000-0000-000000000001", ""}},
		{"torn", `{"TenantId":"a`, nil, labels{}},
	} {
		r := &Record{Value: []byte(row.value), Headers: row.heads}
		if diff := cmp.Diff(row.want, labelsOf(r), cmp.AllowUnexported(labels{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", row.name, diff)
		}
	}
}

// However partitions interleave here and in the log that a client knew before,
// and wherever it was cut: what it had and what it gets is everything, once, and
// the id after every event is what it has.
func TestJoinDeliversExactlyWhatIsMissing(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for round := range 300 {
		parts := 1 + rng.IntN(4)
		ends := make(Vector, parts)
		l := newLog(1<<30, newTestMetrics())
		l.Reset(Topic{Name: "t", Partitions: parts}, make(Vector, parts))
		for range rng.IntN(2000) {
			p := rng.IntN(parts)
			n := 1 + rng.IntN(3)
			var recs []Record
			for i := range n {
				recs = append(recs, Record{Partition: int32(p), Offset: ends[p] + int64(i), Value: []byte("1")})
			}
			ends[p] += int64(n) + int64(rng.IntN(8)/7) // now and then a hole
			l.Append(int32(p), recs, ends[p], false)
		}
		had := make(Vector, parts)
		for p := range had {
			had[p] = rng.Int64N(ends[p] + 1)
		}
		c := &cursor{epoch: l.epoch, own: had.clone()}
		got := drainLog(t, l, c)
		want := map[string]int{}
		for _, seg := range l.segs {
			for _, e := range seg.entries {
				if e.next > had[e.partition] {
					want[fmt.Sprint(e.partition, "/", e.next-1)]++
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("round %d, had %v of %v (-want +got)\n%s", round, had, ends, diff)
		}
		if !slices.Equal(c.own, ends) {
			t.Fatalf("round %d: in the end the client is at %v, the log at %v", round, c.own, ends)
		}
	}
}

// drainLog reads to the end and checks every id on the way.
func drainLog(t *testing.T, l *eventLog, c *cursor) map[string]int {
	t.Helper()
	got, at := map[string]int{}, c.own.clone()
	for {
		k := l.read(c)
		if k.state == stateBehind || k.state == stateReplaced {
			t.Fatalf("state %d", k.state)
		}
		in := &client{tb: t, in: newReader(k.bytes)}
		for {
			e, err := in.nextEvent()
			if err != nil {
				break
			}
			got[fmt.Sprint(e.Partition, "/", e.Offset)]++
			if e.Offset < at[e.Partition] {
				t.Fatalf("offset %d of partition %d again", e.Offset, e.Partition)
			}
			_, v, err := parseID(in.id)
			if err != nil {
				t.Fatal(err)
			}
			at[e.Partition] = e.Offset + 1
			for p, o := range at {
				if v.at(p) < o {
					t.Fatalf("id %v takes back what the client has, %v", v, at)
				}
			}
			at = v
		}
		if k.state == stateEnd {
			return got
		}
	}
}

func TestClientOlderThanTheLogIsSentToHistory(t *testing.T) {
	l := newLog(segmentBytes, newTestMetrics())
	l.Reset(Topic{Name: "t", Partitions: 1}, Vector{0})
	for o := range int64(5000) {
		l.Append(0, []Record{{Offset: o, Value: []byte(`"` + strings.Repeat("x", 100) + `"`)}}, o+1, false)
	}
	c := &cursor{epoch: l.epoch, own: Vector{10}}
	k := l.read(c)
	if k.state != stateBehind || k.floor[0] <= 10 || k.floor[0] >= 5000 {
		t.Fatalf("state %d, floor %v", k.state, k.floor)
	}
	c.own = k.floor.clone()
	if got := drainLog(t, l, c); int64(len(got)) != 5000-k.floor[0] {
		t.Errorf("%d events after the floor %v", len(got), k.floor)
	}
}

func TestFilters(t *testing.T) {
	broker := newBroker(t, 3)
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	p := testProducer(t, broker.ListenAddrs())
	produce(t, p, numbered(0, 210, 3, 10)...) // tenants t0 to t6
	produce(t, p, message{partition: 1, value: []byte(`{"Type":"End","TenantId":"t2"}`)})
	for _, row := range []struct {
		query string
		n     int
	}{
		{"&tenant=t2", 31}, {"&tenant=t2&tenant=t3", 61}, {"&type=End", 1}, {"&type=Test&tenant=t2", 30},
		{"&partition=1", 71}, {"&partition=0&partition=2&tenant=t5", 20}, {"", 211},
	} {
		c := connect(t, b.url, "?from=earliest"+row.query, "")
		list := c.take(row.n)
		wantOrder(t, list)
		c.close()
	}
	c := connect(t, b.url, "?from=earliest&type=End", "") // one event after 210 that do not concern it
	c.take(1)
	c.close()
	_, at, err := parseID(c.id)
	if err != nil {
		t.Fatal(err)
	}
	back := connect(t, b.url, "", c.id)
	defer back.close()
	for _, e := range back.take(211 - int(at[0]+at[1]+at[2])) {
		if e.Offset < at[e.Partition] {
			t.Errorf("after a filtered stream the id %v brings back %+v", at, e)
		}
	}
	for _, query := range []string{"?partition=x", "?partition=-1", "?tenants=a", "?from=yesterday"} {
		if status, body := get(t, b.url+"/crm-events"+query); status != http.StatusBadRequest || !strings.Contains(body, query[1:5]) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

// A client for whom nothing comes keeps a fresh position all the same.
func TestHeartbeatCarriesThePosition(t *testing.T) {
	broker := newBroker(t, 3)
	cfg := testConfig(broker.ListenAddrs())
	cfg.Heartbeat = time.Second
	b := startBridge(t, cfg)
	b.ready(t)
	c := connect(t, b.url, "?type=Nothing", "")
	defer c.close()
	produce(t, testProducer(t, broker.ListenAddrs()), numbered(0, 30, 3, 10)...)
	for {
		blk, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if blk.event != "" || strings.Contains(blk.data, "domain_event") {
			t.Fatalf("%+v", blk)
		}
		if blk.data == "" && strings.HasSuffix(blk.id, "~a.a.a") {
			return
		}
	}
}

func TestFromATime(t *testing.T) {
	broker := newBroker(t, 1)
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	p := testProducer(t, broker.ListenAddrs())
	produce(t, p, numbered(0, 5, 1, 10)...)
	c := connect(t, b.url, "?from=earliest", "")
	last := c.take(5)[4].Timestamp
	c.close()
	await(t, "a millisecond has passed", func() bool { return time.Now().UnixMilli() > last+1 })
	produce(t, p, numbered(5, 1, 1, 10)...)
	for _, from := range []string{fmt.Sprint(last + 1), time.UnixMilli(last + 1).UTC().Format(time.RFC3339Nano)} {
		c := connect(t, b.url, "?from="+from, "")
		if e := c.take(1)[0]; e.Offset != 5 {
			t.Errorf("from %s begins at offset %d, want 5", from, e.Offset)
		}
		c.close()
	}
}

func TestOverCapacityIsToldToComeBack(t *testing.T) {
	broker := newBroker(t, 3)
	cfg := testConfig(broker.ListenAddrs())
	cfg.MaxClients = 2
	b := startBridge(t, cfg)
	b.ready(t)
	first, second := connect(t, b.url, "", ""), connect(t, b.url, "", "")
	defer second.close()
	await(t, "both are counted", func() bool { return testutil.ToFloat64(b.m.clients) == 2 })
	resp, err := http.Get(b.url + "/crm-events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" || !strings.HasPrefix(string(text), "retry: ") {
		t.Errorf("%s %q, %v", resp.Status, text, err)
	}
	first.close()
	await(t, "the first has left", func() bool { return b.clients.Load() == 1 })
	connect(t, b.url, "", "").close()
	if v := testutil.ToFloat64(b.m.turnedAway); v != 1 {
		t.Errorf("%g were turned away, want 1", v)
	}
}

func TestHTTP(t *testing.T) {
	broker := newBroker(t, 3)
	cfg := testConfig(broker.ListenAddrs())
	cfg.Origins = []string{"https://crm.example"}
	b := startBridge(t, cfg)
	b.ready(t)
	for _, row := range []struct {
		method, path, origin string
		status               int
		header, value        string
	}{
		{"GET", "/healthz", "", 200, "Content-Type", "application/json"},
		{"GET", "/", "", 200, "Content-Type", "application/json"},
		{"GET", "/nothing", "", 404, "", ""},
		{"POST", "/crm-events", "", 405, "Allow", "GET, HEAD, OPTIONS"},
		{"HEAD", "/crm-events", "", 200, "Content-Type", "text/event-stream"},
		{"OPTIONS", "/crm-events", "https://crm.example", 204, "Access-Control-Allow-Origin", "https://crm.example"},
		{"OPTIONS", "/crm-events", "https://crm.example", 204, "Access-Control-Allow-Headers", "Last-Event-ID, Authorization, Cache-Control"},
		{"HEAD", "/crm-events", "https://crm.example", 200, "Access-Control-Allow-Origin", "https://crm.example"},
		{"OPTIONS", "/crm-events", "https://evil.example", 405, "Access-Control-Allow-Origin", ""},
	} {
		req, err := http.NewRequest(row.method, b.url+row.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if row.origin != "" {
			req.Header.Set("Origin", row.origin)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != row.status || row.header != "" && resp.Header.Get(row.header) != row.value {
			t.Errorf("%s %s from %q: %d, %s %q", row.method, row.path, row.origin, resp.StatusCode, row.header, resp.Header.Get(row.header))
		}
	}
	c := connect(t, b.url, "", "")
	defer c.close()
	for _, row := range []struct {
		path, method, code string
		want               float64
	}{
		{"/healthz", "GET", "200", 1}, {"other", "GET", "404", 1}, {"/crm-events", "POST", "405", 1},
		{"/crm-events", "GET", "200", 1}, // open, and counted
		{"/metrics", "GET", "200", 0},
	} {
		if v := testutil.ToFloat64(b.m.requests.WithLabelValues(row.path, row.method, row.code)); v != row.want {
			t.Errorf("crm_events_http_requests_total of %s %s %s is %g, want %g", row.method, row.path, row.code, v, row.want)
		}
	}
	_, text := get(t, b.url+"/metrics")
	for _, line := range []string{"crm_events_sse_clients 1", "crm_events_messages_total 0", `crm_events_gaps_total{reason="retention"} 0`, "process_start_time_seconds "} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("/metrics has no line %q", line)
		}
	}
}

// HTTP/2 in clear text, by prior knowledge.
func TestHTTP2(t *testing.T) {
	broker := newBroker(t, 3)
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	produce(t, testProducer(t, broker.ListenAddrs()), numbered(0, 30, 3, 10)...)
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/crm-events?from=earliest", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Fatalf("it is %s", resp.Proto)
	}
	c := &client{tb: t, in: newReaderOf(resp.Body)}
	wantOrder(t, c.take(30))
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"brokers": func(c *Config) { c.Brokers = []string{"kafka"} }, "topic": func(c *Config) { c.Topic = "" }, "group": func(c *Config) { c.Group = "" },
		"offset-reset": func(c *Config) { c.OffsetReset = "newest" }, "listen address": func(c *Config) { c.Addr = "x" }, "origins": func(c *Config) { c.Origins = []string{"crm"} },
		"max-clients": func(c *Config) { c.MaxClients = 0 }, "rewind": func(c *Config) { c.Rewind = -1 }, "log-bytes": func(c *Config) { c.LogBytes = 5 },
		"history-readers": func(c *Config) { c.HistoryReaders = 0 }, "heartbeat": func(c *Config) { c.Heartbeat = 0 }, "write-timeout": func(c *Config) { c.WriteTimeout = 0 },
		"retry": func(c *Config) { c.Retry = 0 }, "shutdown": func(c *Config) { c.Shutdown = 10 * time.Second },
	} {
		c := DefaultConfig()
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
}
