package bridge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// nasty is a record of a kind that has broken services like this one.
func nasty(i int) message {
	values := [][]byte{
		[]byte(`{"Type":"JobCreated","Seq":1}`), []byte("{\n  \"a\": [1,\r\n 2],\n\t\"b\": \"x\\ny\"\n}"), []byte(`{"a":`), []byte("not JSON"),
		{}, nil, []byte("line\nline\r\nline\rdata: id: 7\n\n"), []byte("a\x00b"), []byte("\xff\xfe\xfd"), []byte("\"\xff\""),
		[]byte(`"text"`), []byte(`null`), []byte(`12345678901234567890.5`), []byte("\xef\xbb\xbf{}"), []byte(`{"u":"\u2028` + "\u2028" + `"}`),
		[]byte(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), []byte(`  {"padded":true}  `), []byte("event: gap\n"),
	}
	keys := [][]byte{nil, {}, []byte("key"), []byte("k\ne\ry"), {0, 1, 2, 255}, []byte("00000000-0000-0000-0000-000000000001"), []byte(`"quoted" \ `), []byte("ключ")}
	m := message{partition: int32(i % 3), key: keys[i%len(keys)], value: values[i%len(values)]}
	if i%250 == 17 { // 900 KiB, as JSON and as noise
		m.value = bytes.Repeat([]byte("x"), 900<<10)
		if i%500 == 17 {
			m.value = append(append([]byte(`{"Pad":"`), m.value[:900<<10-20]...), `"}`...)
		}
	}
	return m
}

func TestNastyRecordsArriveOnceInOrderUnaltered(t *testing.T) {
	const n = 1000
	broker := newBroker(t, 3)
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	c := connect(t, b.url, "?from=earliest", "")
	defer c.close()
	p := testProducer(t, broker.ListenAddrs())
	sent := map[int32][]message{}
	for i := range n {
		m := nasty(i)
		produce(t, p, m)
		sent[m.partition] = append(sent[m.partition], m)
	}
	got := c.take(n)
	wantOrder(t, got)
	all := seen{}
	for _, e := range got {
		all.add(t, e)
		m := sent[e.Partition][e.Offset]
		if e.Topic != testTopic || e.Timestamp == 0 {
			t.Fatalf("topic %q, timestamp %d", e.Topic, e.Timestamp)
		}
		if key := e.key(t); !bytes.Equal(key, m.key) || (key == nil) != (m.key == nil) {
			t.Errorf("partition %d offset %d: key %q, want %q", e.Partition, e.Offset, key, m.key)
		}
		wantValue(t, e, m.value)
	}
	all.wantOnce(t, []int64{int64(len(sent[0])), int64(len(sent[1])), int64(len(sent[2]))})
	if v := testutil.ToFloat64(b.m.messages); v != n {
		t.Errorf("crm_events_messages_total is %g, want %d", v, n)
	}
}

// wantValue: bytes where it is not JSON, the same JSON where it is.
func wantValue(t *testing.T, e event, want []byte) {
	t.Helper()
	got := e.value(t)
	if (got == nil) != (want == nil) {
		t.Errorf("offset %d: value %.40q, want %.40q", e.Offset, got, want)
		return
	}
	if e.ValueB64 == nil && want != nil {
		if !json.Valid(want) {
			t.Errorf("offset %d: %.40q went as JSON", e.Offset, want)
			return
		}
		var a, b bytes.Buffer
		if json.Compact(&a, got) != nil || json.Compact(&b, want) != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("offset %d: value %.60q, want %.60q", e.Offset, got, want)
		}
		return
	}
	if !bytes.Equal(got, want) {
		t.Errorf("offset %d: value %.40q, want %.40q", e.Offset, got, want)
	}
}

// replica is a bridge in a process of its own, which can be ended either way.
type replica struct {
	cmd *exec.Cmd
	url string
}

func startReplica(t *testing.T, brokers []string, name string) *replica {
	t.Helper()
	cmd, _, out := child(t, "bridge", "KAFKA_BROKERS="+strings.Join(brokers, ","), "BRIDGE_INSTANCE="+name)
	return &replica{cmd: cmd, url: "http://" + firstLine(t, out)}
}

func (r *replica) end(t *testing.T, how syscall.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(how); err != nil {
		t.Fatal(err)
	}
	err := r.cmd.Wait()
	var exited *exec.ExitError
	if how == syscall.SIGTERM && err != nil || err != nil && !errors.As(err, &exited) {
		t.Fatalf("after %s: %v", how, err)
	}
}

// Clients are cut at random points, a hundred times, while two replicas are
// ended in turn, in good order and by SIGKILL: what each client saw over all
// its connections is the topic, each event once.
func TestResumeAcrossCutsRestartsAndReplicas(t *testing.T) {
	const cuts, clients, perCut = 100, 4, 30
	broker := newBroker(t, 3)
	brokers := broker.ListenAddrs()
	p := testProducer(t, brokers)
	rng := rand.New(rand.NewPCG(1, 2))
	replicas := []*replica{startReplica(t, brokers, "a"), startReplica(t, brokers, "b")}
	saw, ids := make([]seen, clients), make([]string, clients)
	for i := range saw {
		saw[i] = seen{}
	}
	sent := 0
	for i := range cuts {
		produce(t, p, numbered(sent, perCut, 3, rng.IntN(300))...)
		sent += perCut
		who := i % clients
		c := connect(t, replicas[rng.IntN(2)].url, "?from=earliest", ids[who])
		for range rng.IntN(min(sent-saw[who].count(), 3*perCut) + 1) {
			e, err := c.nextEvent()
			if err != nil {
				t.Fatalf("cut %d: %v", i, err)
			}
			saw[who].add(t, e)
		}
		ids[who] = c.id
		c.close()
		if i%10 == 9 {
			which := i / 10 % 2
			replicas[which].end(t, []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[i/20%2])
			replicas[which] = startReplica(t, brokers, []string{"a", "b"}[which])
		}
	}
	for who := range clients {
		c := connect(t, replicas[who%2].url, "?from=earliest", ids[who])
		for saw[who].count() < sent {
			e, err := c.nextEvent()
			if err != nil {
				t.Fatal(err)
			}
			saw[who].add(t, e)
		}
		c.close()
		saw[who].wantOnce(t, []int64{int64(sent / 3), int64(sent / 3), int64(sent / 3)})
	}
}

func TestClientThatStopsReadingHindersNobodyAndLosesNothing(t *testing.T) {
	const n, size = 20_000, 1000
	broker := newBroker(t, 3)
	cfg := testConfig(broker.ListenAddrs())
	cfg.LogBytes = 1 << 20
	b := startBridge(t, cfg)
	b.ready(t)
	stuck, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	if _, err := io.WriteString(stuck, "GET /crm-events?from=earliest HTTP/1.0\r\nHost: stuck\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	await(t, "it is connected", func() bool { return testutil.ToFloat64(b.m.clients) == 1 })
	c := connect(t, b.url, "?from=earliest", "")
	defer c.close()
	p := testProducer(t, broker.ListenAddrs())
	go func() {
		for i := range 20 {
			_ = p.SendMessages(saramaMessages(numbered(i*n/20, n/20, 3, size)))
		}
	}()
	all := seen{}
	for _, e := range c.take(n) {
		all.add(t, e)
	}
	if held := testutil.ToFloat64(b.m.logBytes); held > float64(cfg.LogBytes)+segmentBytes {
		t.Errorf("%g bytes are held, the limit is %d", held, cfg.LogBytes)
	}
	if v := testutil.ToFloat64(b.m.messages); v != n {
		t.Errorf("%g records were read, want %d", v, n)
	}
	late := &client{tb: t, in: bufio.NewReader(stuck)}
	for line := "x"; line != "\r\n"; {
		if line, err = late.in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	_ = stuck.SetReadDeadline(time.Now().Add(30 * time.Second))
	its := seen{}
	for _, e := range late.take(n) {
		its.add(t, e)
	}
	its.wantOnce(t, []int64{6667, 6667, 6666})
	if testutil.ToFloat64(b.m.catchUps) == 0 {
		t.Error("it was never behind: the test did not test anything")
	}
}

func TestGarbageIDsAreRefused(t *testing.T) {
	broker := newBroker(t, 3)
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	for _, id := range []string{"garbage", "~", "~1.2.!", "~1..2", "~01.2.3", "~-1.0.0", "1", "~1,2", "~1.2.3~", `["json"]`, "~ZZ", "UPPER~1", "~+1"} {
		for _, query := range []string{"?last_event_id=" + urlEscape(id), "?from=" + urlEscape(id)} {
			if query == "?from=1" {
				continue // a time
			}
			status, body := get(t, b.url+"/crm-events"+query)
			if status != http.StatusBadRequest {
				t.Errorf("%s: status %d, want 400: %s", query, status, body)
			}
		}
	}
}

func urlEscape(s string) string {
	return strings.NewReplacer(`"`, "%22", "[", "%5B", "]", "%5D", "+", "%2B").Replace(s)
}

// SIGTERM with a broker that no longer answers, and clients that are connected.
func TestEndsInTimeWithTheBrokerFrozen(t *testing.T) {
	gate := newGate()
	broker := newBroker(t, 3, gate.opt())
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	c := connect(t, b.url, "", "")
	defer c.close()
	produce(t, testProducer(t, broker.ListenAddrs()), numbered(0, 3, 3, 10)...)
	c.take(3)
	gate.freeze()
	defer gate.thaw()
	began := time.Now()
	if err := b.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took >= 10*time.Second {
		t.Errorf("it took %s", took)
	}
	for {
		blk, err := c.next()
		if err != nil {
			t.Fatal("the stream ended without a retry")
		}
		if blk.retry != "" {
			break
		}
	}
}

func TestStartsWithoutKafkaAndServesWhenItComes(t *testing.T) {
	gate := newGate()
	gate.freeze()
	broker := newBroker(t, 3, gate.opt())
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	if status, _ := get(t, b.url+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz is %d without Kafka", status)
	}
	if status, body := get(t, b.url+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, testTopic) {
		t.Errorf("/readyz is %d without Kafka: %s", status, body)
	}
	gate.thaw()
	b.ready(t)
	c := connect(t, b.url, "", "")
	defer c.close()
	produce(t, testProducer(t, broker.ListenAddrs()), numbered(0, 3, 3, 10)...)
	c.take(3)
	if status, _ := get(t, b.url+"/readyz"); status != http.StatusOK {
		t.Errorf("/readyz is %d", status)
	}
}

func TestFrameOfAnEmptyTopicSaysConnected(t *testing.T) {
	broker := newBroker(t, 3)
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	c := connect(t, b.url, "", "")
	defer c.close()
	for {
		blk, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if blk.data == "" {
			continue
		}
		want := fmt.Sprintf(`{"kind":"connected","topic":%q,"group":%q,"partitions":3}`, testTopic, b.cfg.Group)
		if blk.data != want || blk.event != "" || !strings.HasSuffix(blk.id, "~0.0.0") || len(blk.id) > 128 {
			t.Errorf("%+v, want data %s", blk, want)
		}
		return
	}
}
