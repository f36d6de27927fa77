package bridge

import (
	"slices"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func admin(t *testing.T, brokers []string) sarama.ClusterAdmin {
	t.Helper()
	c := sarama.NewConfig()
	c.Version = sarama.V3_9_0_0
	a, err := sarama.NewClusterAdmin(brokers, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// gaps reads until every partition's gap was said.
func gaps(t *testing.T, c *client, n int) (list []event) {
	t.Helper()
	for _, e := range c.take(n) {
		if e.Kind != "gap" {
			t.Fatalf("%+v, want a gap", e)
		}
		list = append(list, e)
	}
	return list
}

func TestTopicMadeAnewIsSaidAndCarriedFromItsBeginning(t *testing.T) {
	broker := newBroker(t, 3)
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	p := testProducer(t, broker.ListenAddrs())
	produce(t, p, numbered(0, 30, 3, 10)...)
	stays, leaves := connect(t, b.url, "?from=earliest", ""), connect(t, b.url, "?from=earliest", "")
	defer stays.close()
	stays.take(30)
	leaves.take(12)
	leaves.close()
	a := admin(t, broker.ListenAddrs())
	if err := a.DeleteTopic(testTopic); err != nil {
		t.Fatal(err)
	}
	if err := a.CreateTopic(testTopic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1}, false); err != nil {
		t.Fatal(err)
	}
	produce(t, testProducer(t, broker.ListenAddrs()), numbered(0, 60, 3, 10)...)
	for _, c := range []*client{stays, connect(t, b.url, "", leaves.id)} {
		defer c.close()
		if c != stays {
			await(t, "the new topic is known", func() bool { return testutil.ToFloat64(b.m.gaps.WithLabelValues(gapRecreated)) > 0 })
			c.close()
			c = connect(t, b.url, "", leaves.id)
			defer c.close()
		}
		for p, g := range gaps(t, c, 3) {
			if g.Reason != gapRecreated || int(g.Partition) != p || g.To != 0 || c == stays && g.From != 10 {
				t.Errorf("gap %+v", g)
			}
		}
		all := seen{}
		for _, e := range c.take(60) {
			all.add(t, e)
		}
		all.wantOnce(t, []int64{20, 20, 20})
	}
}

func TestPartitionsAddedAreCarriedFromTheirBeginning(t *testing.T) {
	broker := newBroker(t, 3)
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	produce(t, testProducer(t, broker.ListenAddrs()), numbered(0, 30, 3, 10)...)
	stays, leaves := connect(t, b.url, "?from=earliest", ""), connect(t, b.url, "?from=earliest", "")
	defer stays.close()
	stays.take(30)
	leaves.take(30)
	leaves.close()
	if err := admin(t, broker.ListenAddrs()).CreatePartitions(testTopic, 5, nil, false); err != nil {
		t.Fatal(err)
	}
	produce(t, testProducer(t, broker.ListenAddrs()), numbered(0, 50, 5, 10)...)
	back := connect(t, b.url, "", leaves.id)
	defer back.close()
	for _, c := range []*client{stays, back} {
		all := seen{}
		for _, e := range c.take(50) {
			all.add(t, e)
		}
		for p, want := range map[int32][2]int64{0: {10, 20}, 3: {0, 10}, 4: {0, 10}} {
			for o := want[0]; o < want[1]; o++ {
				if all[p][o] != 1 {
					t.Errorf("partition %d offset %d was seen %d times", p, o, all[p][o])
				}
			}
		}
	}
	// and they are committed, so that a restart does not skip or repeat them
	await(t, "the new partitions are committed", func() bool { return slices.Equal(commits(t, b, 5), []int64{20, 20, 20, 10, 10}) })
}

func commits(t *testing.T, b *running, n int) []int64 {
	t.Helper()
	v, err := b.kafka.committed(*b.kafka.client.Load(), n)
	if err != nil {
		return nil
	}
	return v
}

func TestRetentionPastACursorIsSaid(t *testing.T) {
	broker := newBroker(t, 3)
	cfg := testConfig(broker.ListenAddrs())
	cfg.Rewind = 0
	b := startBridge(t, cfg)
	b.ready(t)
	produce(t, testProducer(t, broker.ListenAddrs()), numbered(0, 300, 3, 10)...)
	c := connect(t, b.url, "?from=earliest", "")
	c.take(30)
	c.close()
	await(t, "all is committed", func() bool { return slices.Equal(commits(t, b, 3), []int64{100, 100, 100}) })
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	if err := admin(t, broker.ListenAddrs()).DeleteRecords(testTopic, map[int32]int64{0: 50, 1: 60, 2: 100}); err != nil {
		t.Fatal(err)
	}
	cfg.Group = "another" // reads what is left
	b = startBridge(t, cfg)
	b.ready(t)
	back := connect(t, b.url, "", c.id)
	defer back.close()
	saidTo, all := map[int32]int64{}, seen{}
	for all.count() < 90 || len(saidTo) < 3 {
		e, err := back.nextEvent()
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == "gap" {
			if e.Reason != gapRetention || e.From >= e.To {
				t.Errorf("gap %+v", e)
			}
			saidTo[e.Partition] = e.To
			continue
		}
		all.add(t, e)
	}
	for p, start := range map[int32]int64{0: 50, 1: 60, 2: 100} {
		if saidTo[p] != start {
			t.Errorf("partition %d: a gap up to %d was said, want %d", p, saidTo[p], start)
		}
		for o := start; o < 100; o++ {
			if all[p][o] != 1 {
				t.Errorf("partition %d offset %d was seen %d times", p, o, all[p][o])
			}
		}
	}
}

// Retention that overtakes the readers themselves is said to connected clients.
func TestRetentionPastTheReadersIsSaid(t *testing.T) {
	broker := newBroker(t, 1)
	log := newLog(1<<20, newTestMetrics())
	log.Reset(Topic{Name: testTopic, Partitions: 1}, Vector{10})
	_ = broker
	c := &cursor{epoch: 1, own: Vector{10}}
	log.Lost(Gap{Partition: 0, From: 10, To: 25, Reason: gapRetention})
	log.Append(0, []Record{{Offset: 25, Value: []byte("1")}}, 26, false)
	k := log.read(c)
	if k.events != 2 || c.own[0] != 26 {
		t.Errorf("%d events, position %v: %s", k.events, c.own, k.bytes)
	}
}

// An id of a replica that knows more partitions, and one that is beyond the end.
func TestIDsThatDoNotFitTheTopic(t *testing.T) {
	broker := newBroker(t, 3)
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	p := testProducer(t, broker.ListenAddrs())
	produce(t, p, numbered(0, 30, 3, 10)...)
	c := connect(t, b.url, "?from=earliest", "")
	c.take(30)
	c.close()
	for _, row := range []struct {
		name, id string
		gaps     int
		events   int
	}{
		{"a partition less", c.id[:len(c.id)-2], 0, 10},
		{"a partition more", c.id + ".5", 0, 0},
		{"beyond the end", c.id + "zz", 1, 10},
		{"of another topic", "abc~5.5.5", 3, 30},
	} {
		back := connect(t, b.url, "", row.id)
		all := seen{}
		gaps(t, back, row.gaps)
		for _, e := range back.take(row.events) {
			all.add(t, e)
		}
		if all.count() != row.events {
			t.Errorf("%s: %d events, want %d", row.name, all.count(), row.events)
		}
		back.close()
	}
}

func TestCoordinatorGoneDelaysCommitsAndNothingElse(t *testing.T) {
	broker := newBroker(t, 3)
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	c := connect(t, b.url, "", "")
	defer c.close()
	p := testProducer(t, broker.ListenAddrs())
	produce(t, p, numbered(0, 30, 3, 10)...)
	c.take(30)
	await(t, "the first are committed", func() bool { return slices.Equal(commits(t, b, 3), []int64{10, 10, 10}) })
	gone := broker.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator, kmsg.OffsetCommit, kmsg.Heartbeat, kmsg.JoinGroup, kmsg.SyncGroup}, Err: kerr.CoordinatorNotAvailable, Count: -1},
	)
	produce(t, p, numbered(0, 300, 3, 10)...)
	began := time.Now()
	c.take(300)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("delivery took %s without a coordinator", took)
	}
	await(t, "a commit has failed", func() bool { return testutil.ToFloat64(b.m.kafkaErrs.WithLabelValues(failCommit)) > 0 })
	if v := testutil.ToFloat64(b.m.commitAge); v <= 0 {
		t.Errorf("crm_events_commit_age_seconds is %g while nothing can be committed", v)
	}
	gone.Remove()
	await(t, "commits have caught up", func() bool { return slices.Equal(commits(t, b, 3), []int64{110, 110, 110}) })
}

// latest: what is produced from the first start on is never skipped, even when
// the service ends before it has read anything.
func TestLatestCommitsTheEndAtOnce(t *testing.T) {
	broker := newBroker(t, 3)
	p := testProducer(t, broker.ListenAddrs())
	produce(t, p, numbered(0, 30, 3, 10)...)
	cfg := testConfig(broker.ListenAddrs())
	cfg.OffsetReset, cfg.Rewind = ResetLatest, 0
	b := startBridge(t, cfg)
	b.ready(t)
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	produce(t, p, numbered(0, 30, 3, 10)...)
	b = startBridge(t, cfg)
	b.ready(t)
	await(t, "what came meanwhile is counted", func() bool { return testutil.ToFloat64(b.m.messages) == 30 })
	await(t, "and committed", func() bool { return slices.Equal(commits(t, b, 3), []int64{20, 20, 20}) })
}

// What was committed is read again at start for clients, and not counted again.
func TestRewindIsNotCounted(t *testing.T) {
	broker := newBroker(t, 3)
	p := testProducer(t, broker.ListenAddrs())
	produce(t, p, numbered(0, 90, 3, 10)...)
	b := startBridge(t, testConfig(broker.ListenAddrs()))
	b.ready(t)
	await(t, "all is committed", func() bool { return slices.Equal(commits(t, b, 3), []int64{30, 30, 30}) })
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(broker.ListenAddrs())
	cfg.Rewind = 10
	b = startBridge(t, cfg)
	b.ready(t)
	produce(t, p, numbered(0, 3, 3, 10)...)
	await(t, "the new ones are counted", func() bool { return testutil.ToFloat64(b.m.messages) == 3 })
	c := connect(t, b.url, "?last_event_id=~o.o.o", "") // 24: within the rewind
	defer c.close()
	wantOrder(t, c.take(3*7))
	if testutil.ToFloat64(b.m.catchUps) != 0 {
		t.Error("a client within the rewind was sent to Kafka")
	}
}
