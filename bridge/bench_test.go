package bridge

import (
	"encoding/json"
	"io"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// The benchmarks run once each, whatever b.N is: they are loads of a fixed
// length, and their figures are ratios and rates of one run. The clients are a
// process of their own on the same machine.

// remote is the swarm, from the test's side.
type remote struct {
	tb  testing.TB
	in  *json.Encoder
	out *json.Decoder
}

func newSwarm(tb testing.TB) *remote {
	tb.Helper()
	_, in, out := child(tb, "swarm")
	return &remote{tb: tb, in: json.NewEncoder(in), out: json.NewDecoder(out)}
}

func (r *remote) do(o swarmOrder) (rep swarmReport) {
	r.tb.Helper()
	if err := r.in.Encode(o); err != nil {
		r.tb.Fatal(err)
	}
	var raw json.RawMessage
	if err := r.out.Decode(&raw); err != nil {
		r.tb.Fatal(err)
	}
	if err := json.Unmarshal(raw, &rep); err != nil {
		r.tb.Fatalf("swarm: %s", raw)
	}
	return rep
}

// pace produces at a rate for a while, straight into the broker.
func pace(tb testing.TB, brokers []string, rate int, d time.Duration) (sent int) {
	tb.Helper()
	c := sarama.NewConfig()
	c.Version = sarama.V3_9_0_0
	c.Producer.Return.Errors = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	p, err := sarama.NewAsyncProducer(brokers, c)
	if err != nil {
		tb.Fatal(err)
	}
	value := numbered(0, 1, 1, 180)[0].value
	began := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < d {
		<-tick.C
		for due := int(time.Since(began).Seconds() * float64(rate)); sent < due; sent++ {
			p.Input() <- &sarama.ProducerMessage{Topic: testTopic, Partition: int32(sent % 3), Value: sarama.ByteEncoder(value), Timestamp: time.Now()}
		}
	}
	if err := p.Close(); err != nil {
		tb.Fatal(err)
	}
	return sent
}

const benchClients = 1000

// BenchmarkFanOut is 1,000 clients at rates up to where deliveries no longer
// follow: deliveries/s and the 99th percentile from record time to client.
func BenchmarkFanOut(b *testing.B) {
	for _, c := range []struct {
		name   string
		rate   int
		silent bool // one more client, which never reads
	}{{"200", 200, false}, {"200-and-one-that-never-reads", 200, true}, {"1000", 1000, false}} {
		b.Run(c.name, func(b *testing.B) {
			broker := newBroker(b, 3)
			bridge := startBridge(b, testConfig(broker.ListenAddrs()))
			bridge.ready(b)
			s := newSwarm(b)
			s.do(swarmOrder{Do: "connect", Addr: bridge.Addr().String(), N: benchClients})
			if c.silent {
				silent(b, bridge.Addr().String())
			}
			pace(b, broker.ListenAddrs(), c.rate, time.Second) // warm
			s.do(swarmOrder{Do: "reset"})
			began := time.Now()
			const span = 5 * time.Second
			sent := pace(b, broker.ListenAddrs(), c.rate, span)
			rep := s.do(swarmOrder{Do: "report"})
			took := time.Since(began).Seconds()
			var total int64
			for _, n := range rep.Events {
				total += n
			}
			b.ReportMetric(float64(total)/took, "deliveries/s")
			b.ReportMetric(float64(total)/float64(sent*benchClients), "delivered/offered")
			b.ReportMetric(rep.P50, "p50-ms")
			b.ReportMetric(rep.P99, "p99-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkIdleClients is the memory of a client for whom nothing comes.
func BenchmarkIdleClients(b *testing.B) {
	const clients = 2000
	broker := newBroker(b, 3)
	bridge := startBridge(b, testConfig(broker.ListenAddrs()))
	bridge.ready(b)
	s := newSwarm(b)
	s.do(swarmOrder{Do: "connect", Addr: bridge.Addr().String(), N: 50}) // pools are warm
	before := memory()
	s.do(swarmOrder{Do: "connect", Addr: bridge.Addr().String(), N: clients})
	await(b, "all are connected", func() bool { return testutil.ToFloat64(bridge.m.clients) >= clients })
	b.ReportMetric(float64(memory()-before)/clients/1024, "KiB/client")
	b.ReportMetric(0, "ns/op")
}

// memory is what the heap and the stacks take from the system.
func memory() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// BenchmarkBacklog drains a large backlog to one client, and to a raw consumer
// in the same run.
func BenchmarkBacklog(b *testing.B) {
	const events = 1_000_000
	broker := newBroker(b, 3)
	pace(b, broker.ListenAddrs(), events/4, 4*time.Second)
	conf, err := saramaConfig(testConfig(nil))
	if err != nil {
		b.Fatal(err)
	}
	client, err := sarama.NewClient(broker.ListenAddrs(), conf)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	ends := endsOf(b, client)
	raw := drainRaw(b, client, ends)
	bridge := startBridge(b, testConfig(broker.ListenAddrs()))
	bridge.ready(b)
	s := newSwarm(b)
	total := ends[0] + ends[1] + ends[2]
	began := time.Now()
	s.do(swarmOrder{Do: "connect", Addr: bridge.Addr().String(), N: 1, Query: "?from=earliest", Count: true})
	s.do(swarmOrder{Do: "await", Events: total, Seconds: 60})
	took := time.Since(began)
	b.ReportMetric(float64(total)/took.Seconds(), "bridge-events/s")
	b.ReportMetric(float64(total)/raw.Seconds(), "sarama-events/s")
	b.ReportMetric(raw.Seconds()/took.Seconds(), "of-raw-sarama")
	b.ReportMetric(0, "ns/op")
}

func endsOf(tb testing.TB, client sarama.Client) (ends []int64) {
	for p := range int32(3) {
		end, err := client.GetOffset(testTopic, p, sarama.OffsetNewest)
		if err != nil {
			tb.Fatal(err)
		}
		ends = append(ends, end)
	}
	return ends
}

// drainRaw is how long sarama alone takes.
func drainRaw(tb testing.TB, client sarama.Client, ends []int64) time.Duration {
	began := time.Now()
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	for p := range ends {
		pc, err := consumer.ConsumePartition(testTopic, int32(p), sarama.OffsetOldest)
		if err != nil {
			tb.Fatal(err)
		}
		go func() {
			for m := range pc.Messages() {
				if m.Offset == ends[p]-1 {
					break
				}
			}
			done <- struct{}{}
		}()
	}
	for range ends {
		<-done
	}
	return time.Since(began)
}

// BenchmarkRestart kills the service under 1,000 clients, gives it a backlog of
// 10,000 events, and starts it again: how long until the first event, and until
// the last client has the last one, beside what the same deliveries take to
// clients that stayed connected.
func BenchmarkRestart(b *testing.B) {
	const events = 10_000
	broker := newBroker(b, 3)
	p := testProducer(b, broker.ListenAddrs())
	env := []string{"KAFKA_BROKERS=" + broker.ListenAddrs()[0], "BRIDGE_INSTANCE=bench"}
	cmd, _, out := child(b, "bridge", env...)
	addr := firstLine(b, out)
	s := newSwarm(b)
	s.do(swarmOrder{Do: "connect", Addr: addr, N: benchClients})
	produce(b, p, numbered(0, 30, 3, 180)...)
	s.do(swarmOrder{Do: "await", Events: 30, Seconds: 30})
	s.do(swarmOrder{Do: "reset"})
	began := time.Now()
	produce(b, p, numbered(0, events, 3, 180)...)
	rep := s.do(swarmOrder{Do: "await", Events: events, Seconds: 60})
	connected := time.UnixMicro(rep.Last).Sub(began)
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	produce(b, p, numbered(0, events, 3, 180)...)
	began = time.Now()
	_, _, out = child(b, "bridge", append(env, "BRIDGE_ADDR="+addr)...)
	firstLine(b, out)
	s.do(swarmOrder{Do: "connect", Addr: addr, N: benchClients, Resume: true})
	rep = s.do(swarmOrder{Do: "await", Events: events, Seconds: 60})
	first := time.UnixMicro(rep.First).Sub(began)
	resumed := time.UnixMicro(rep.Last).Sub(began)
	b.ReportMetric(first.Seconds(), "s-to-first-event")
	b.ReportMetric(resumed.Seconds(), "s-resumed")
	b.ReportMetric(connected.Seconds(), "s-connected")
	b.ReportMetric(resumed.Seconds()/connected.Seconds(), "resumed/connected")
	b.ReportMetric(0, "ns/op")
}

func firstLine(tb testing.TB, out io.Reader) string {
	tb.Helper()
	buf := make([]byte, 0, 64)
	one := make([]byte, 1)
	for {
		if _, err := io.ReadFull(out, one); err != nil {
			tb.Fatal(err)
		}
		if one[0] == '\n' {
			return string(buf)
		}
		buf = append(buf, one[0])
	}
}
