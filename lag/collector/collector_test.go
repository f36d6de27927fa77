package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/aetherlink/aether/lag"
)

const group, topic = "crm-events-sse", "aetherlink.events"

// world is a broker with a topic of two partitions, and a reader of it.
type world struct {
	broker *kfake.Cluster
	client sarama.Client
	reader *Reader
}

func newWorld(t *testing.T) *world {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	config := sarama.NewConfig()
	config.Version = sarama.V3_9_0_0
	config.Metadata.AllowAutoTopicCreation = false
	config.Metadata.Retry.Max = 0
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	client, err := sarama.NewClient(broker.ListenAddrs(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	reader, err := NewReader(broker.ListenAddrs(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	return &world{broker, client, reader}
}

// produce puts n events on a partition.
func (w *world) produce(t *testing.T, partition int32, n int) {
	t.Helper()
	p, err := sarama.NewSyncProducerFromClient(w.client)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range n {
		if _, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: topic, Partition: partition, Value: sarama.StringEncoder("x")}); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) commit(t *testing.T, partition int32, offset int64) {
	t.Helper()
	b, err := w.client.Coordinator(group)
	if err != nil {
		t.Fatal(err)
	}
	r := &sarama.OffsetCommitRequest{Version: 2, ConsumerGroup: group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined, RetentionTime: -1}
	r.AddBlock(topic, partition, offset, 0, "")
	answer, err := b.CommitOffset(r)
	if err != nil || answer.Errors[topic][partition] != sarama.ErrNoError {
		t.Fatal(err, answer)
	}
}

func TestRead(t *testing.T) {
	w := newWorld(t)
	look := func(want Snapshot) {
		t.Helper()
		before := time.Now()
		got, err := w.reader.Read(t.Context(), group, topic)
		if err != nil {
			t.Fatal(err)
		}
		if got.Asked.Before(before.Round(0).UTC()) || got.Answered.Before(got.Asked) || got.Answered.After(time.Now()) {
			t.Errorf("asked at %s, answered at %s", got.Asked, got.Answered)
		}
		got.Asked, got.Answered = time.Time{}, time.Time{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	look(Snapshot{Start: []int64{0, 0}, End: []int64{0, 0}, Committed: []int64{lag.None, lag.None}}) // no such group yet
	w.produce(t, 0, 5)
	w.produce(t, 1, 2)
	w.commit(t, 0, 3)
	look(Snapshot{Start: []int64{0, 0}, End: []int64{5, 2}, Committed: []int64{3, lag.None}})
	w.commit(t, 1, 2)
	look(Snapshot{Start: []int64{0, 0}, End: []int64{5, 2}, Committed: []int64{3, 2}})
}

// The other way round, events that come in between would make a lag too small.
func TestCommitsAreReadBeforeEnds(t *testing.T) {
	w := newWorld(t)
	w.produce(t, 0, 1)
	var mu sync.Mutex
	var order []string
	w.broker.Control(func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.broker.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		switch r.(type) {
		case *kmsg.OffsetFetchRequest:
			order = append(order, "commits")
		case *kmsg.ListOffsetsRequest:
			order = append(order, "ends")
		}
		return nil, nil, false
	})
	if _, err := w.reader.Read(t.Context(), group, topic); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(order) < 2 || order[0] != "commits" || strings.Contains(strings.Join(order[1:], " "), "commits") {
		t.Errorf("asked for %v", order)
	}
}

// A connection that breaks is an error, never an answer, and the next look
// makes a new one.
func TestReadAfterTrouble(t *testing.T) {
	for _, c := range []struct {
		what string
		key  kmsg.Key
	}{{"commits", kmsg.OffsetFetch}, {"members", kmsg.DescribeGroups}, {"ends", kmsg.ListOffsets}} {
		w := newWorld(t)
		if _, err := w.reader.Read(t.Context(), group, topic); err != nil {
			t.Fatal(err)
		}
		var broken atomic.Bool
		broken.Store(true)
		w.broker.ControlKey(int16(c.key), func(kmsg.Request) (kmsg.Response, error, bool) {
			w.broker.KeepControl()
			return nil, errors.New("broken"), broken.Load()
		})
		if got, err := w.reader.Read(t.Context(), group, topic); err == nil {
			t.Errorf("%s are not to be had, and yet: %+v", c.what, got)
		}
		broken.Store(false)
		if _, err := w.reader.Read(t.Context(), group, topic); err != nil {
			t.Errorf("%s are to be had again, and yet: %v", c.what, err)
		}
	}
}

func TestReadFails(t *testing.T) {
	w := newWorld(t)
	if got, err := w.reader.Read(t.Context(), group, "no-such-topic"); err == nil {
		t.Errorf("a topic that is not there: %+v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := w.reader.Read(ctx, group, topic); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := w.reader.Read(t.Context(), group, topic); err != nil {
		t.Errorf("after that: %v", err)
	}
	w.broker.Close()
	if got, err := w.reader.Read(t.Context(), group, topic); err == nil {
		t.Errorf("without a broker: %+v", got)
	}
	if _, err := NewReader(nil, sarama.NewConfig()); err == nil {
		t.Error("a reader of no broker")
	}
}

// gathered is every series as text, sorted.
func (w *world) gathered(t *testing.T) (out []string) {
	t.Helper()
	reg := prometheus.NewRegistry()
	if err := reg.Register(New(w.reader, group, topic, slog.New(slog.DiscardHandler))); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			out = append(out, fmt.Sprintf("%s{%s} %g", strings.TrimPrefix(f.GetName(), "kafka_"), strings.Join(labels, ","), m.GetGauge().GetValue()))
		}
	}
	sort.Strings(out)
	return out
}

func TestCollector(t *testing.T) {
	w := newWorld(t)
	w.produce(t, 0, 5)
	w.produce(t, 1, 2)
	w.commit(t, 0, 3)
	const p0, p1, all = "{consumergroup=crm-events-sse,partition=0,topic=aetherlink.events}", "{consumergroup=crm-events-sse,partition=1,topic=aetherlink.events}", "{consumergroup=crm-events-sse,topic=aetherlink.events}"
	topics := []string{
		"topic_partition_current_offset{partition=0,topic=aetherlink.events} 5", "topic_partition_current_offset{partition=1,topic=aetherlink.events} 2",
		"topic_partition_oldest_offset{partition=0,topic=aetherlink.events} 0", "topic_partition_oldest_offset{partition=1,topic=aetherlink.events} 0",
	}
	want := append([]string{
		"consumergroup_current_offset" + p0 + " 3", "consumergroup_current_offset" + p1 + " -1",
		"consumergroup_lag" + p0 + " 2", "consumergroup_lag" + p1 + " -1", "consumergroup_members{consumergroup=crm-events-sse} 0",
	}, topics...)
	if diff := cmp.Diff(want, w.gathered(t)); diff != "" {
		t.Errorf("one partition without a commit: a sum would leave it out\n%s", diff)
	}
	w.commit(t, 1, 0)
	want = append([]string{
		"consumergroup_current_offset" + p0 + " 3", "consumergroup_current_offset" + p1 + " 0", "consumergroup_current_offset_sum" + all + " 3",
		"consumergroup_lag" + p0 + " 2", "consumergroup_lag" + p1 + " 2", "consumergroup_lag_sum" + all + " 4", "consumergroup_members{consumergroup=crm-events-sse} 0",
	}, topics...)
	sort.Strings(want)
	if diff := cmp.Diff(want, w.gathered(t)); diff != "" {
		t.Error(diff)
	}
}

// A lag that cannot be told is absent; 0 would say that all is well.
func TestUnknownLagIsNeverZero(t *testing.T) {
	w := newWorld(t)
	w.produce(t, 0, 5)
	w.commit(t, 0, 9)
	for _, line := range w.gathered(t) {
		if strings.HasPrefix(line, "consumergroup_lag{") && strings.Contains(line, "partition=0") || strings.HasPrefix(line, "consumergroup_lag_sum") {
			t.Errorf("the commit is beyond the log, and yet: %s", line)
		}
	}
	w.broker.Close()
	if got := w.gathered(t); len(got) != 0 {
		t.Errorf("Kafka does not answer, and yet: %v", got)
	}
}
