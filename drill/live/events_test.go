package live

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/aetherlink/aether/drill"
)

func testKafka(t *testing.T, partitions int) (*kfake.Cluster, *sarama.Config, sarama.Client) {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(int32(partitions), "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	c := sarama.NewConfig()
	c.Version = sarama.V3_9_0_0
	c.Metadata.AllowAutoTopicCreation = false
	client, err := sarama.NewClient(broker.ListenAddrs(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return broker, c, client
}

func testLoad(n int) Load { return Load{Drill: "d1", Topic: "t", Tenant: "x", Events: n, Size: 400} }

// raw puts records of somebody else into the log.
func raw(t *testing.T, brokers []string, list ...*sarama.ProducerMessage) {
	t.Helper()
	c := sarama.NewConfig()
	c.Version, c.Producer.Return.Successes, c.Producer.Partitioner = sarama.V3_9_0_0, true, sarama.NewManualPartitioner
	p, err := sarama.NewSyncProducer(brokers, c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.SendMessages(list); err != nil {
		t.Fatal(err)
	}
}

func TestProduceAndReadBack(t *testing.T) {
	broker, cfg, client := testKafka(t, 3)
	foreign := func() *sarama.ProducerMessage {
		return &sarama.ProducerMessage{Topic: "t", Partition: 1, Value: sarama.StringEncoder("somebody's")}
	}
	raw(t, broker.ListenAddrs(), foreign(), foreign())
	made, err := produce(t.Context(), broker.ListenAddrs(), cfg, testLoad(100))
	if err != nil || made.Acked != 100 || made.Indeterminate != 0 || made.Asked != 100 {
		t.Fatalf("%+v, %v", made, err)
	}
	raw(t, broker.ListenAddrs(), foreign())
	to, err := ends(client, "t")
	if err != nil {
		t.Fatal(err)
	}
	h := drill.NewHasher()
	owed, hashes, err := readBack(t.Context(), client, readPlan{Topic: "t", From: []int64{0, 1, 0}, To: to, Drill: "d1"}, h)
	if err != nil {
		t.Fatal(err)
	}
	want := drill.Owed{
		From: []int64{0, 1, 0}, To: []int64{34, 36, 33}, Other: 2,
		Runs: []drill.Run{{Partition: 0, From: 0, Len: []int64{34}}, {Partition: 1, From: 1, Len: []int64{35}}, {Partition: 2, From: 0, Len: []int64{33}}},
		Drill: drill.Drill{
			Regular: true, Seqs: []drill.Run{{From: 0, Len: []int64{100}}},
			Offsets: []drill.Run{{Partition: 0, From: 0, Len: []int64{34}}, {Partition: 1, From: 2, Len: []int64{33}}, {Partition: 2, From: 0, Len: []int64{33}}},
		},
	}
	if diff := cmp.Diff(want, owed); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if hashes[1][0] != h.Event(nil, []byte("somebody's")) || len(hashes[0]) != 34 {
		t.Error("the hashes are not those of the log")
	}
}

// An event of ours that came out altered, and one that is there twice.
func TestReadBackFindsWhatIsWrongInTheLog(t *testing.T) {
	broker, _, client := testKafka(t, 1)
	event := func(seq int64, change byte) *sarama.ProducerMessage {
		value, err := drill.Event{Type: drill.EventType, Seq: seq, Ts: time.Now(), Drill: "d1"}.Encode(400)
		if err != nil {
			t.Fatal(err)
		}
		value[300] ^= change
		return &sarama.ProducerMessage{Topic: "t", Value: sarama.ByteEncoder(value), Headers: []sarama.RecordHeader{{Key: []byte(drill.HeaderID), Value: []byte("d1")}}}
	}
	raw(t, broker.ListenAddrs(), event(0, 0), event(1, 1), event(2, 0), event(2, 0))
	owed, _, err := readBack(t.Context(), client, readPlan{Topic: "t", From: []int64{0}, To: []int64{4}, Drill: "d1"}, drill.NewHasher())
	if err != nil {
		t.Fatal(err)
	}
	d := owed.Drill
	if diff := cmp.Diff([]int64{1}, d.Altered); diff != "" || drill.Count(d.Again) != 1 || d.Regular || drill.Count(d.Seqs) != 3 {
		t.Errorf("%+v", d)
	}
}

// A request whose work is done although it is answered with an error must not
// make a second copy.
func TestProducerUnderFaultsMakesNoCopies(t *testing.T) {
	broker, cfg, client := testKafka(t, 3)
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 3})
	if _, err := produce(t.Context(), broker.ListenAddrs(), cfg, testLoad(300)); err != nil {
		t.Fatal(err)
	}
	to, err := ends(client, "t")
	if err != nil {
		t.Fatal(err)
	}
	owed, _, err := readBack(t.Context(), client, readPlan{Topic: "t", From: make([]int64, 3), To: to, Drill: "d1"}, drill.NewHasher())
	if err != nil || drill.Count(owed.Drill.Seqs) != 300 || len(owed.Drill.Again) != 0 {
		t.Errorf("%d in the log, again %v, %v", drill.Count(owed.Drill.Seqs), owed.Drill.Again, err)
	}
}

func TestProducerEndsWithItsContext(t *testing.T) {
	broker, cfg, _ := testKafka(t, 3)
	l := testLoad(1000)
	l.Rate = 1
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := produce(ctx, broker.ListenAddrs(), cfg, l); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestCanariesSayWhereTheyAre(t *testing.T) {
	broker, cfg, _ := testKafka(t, 3)
	raw(t, broker.ListenAddrs(), &sarama.ProducerMessage{Topic: "t", Partition: 2, Value: sarama.StringEncoder("x")})
	c, err := produceCanaries(t.Context(), broker.ListenAddrs(), cfg, testLoad(5))
	if diff := cmp.Diff([]int64{0, 0, 1}, c.Offsets); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestLookAgain(t *testing.T) {
	broker, cfg, client := testKafka(t, 1)
	if _, err := produce(t.Context(), broker.ListenAddrs(), cfg, testLoad(20)); err != nil {
		t.Fatal(err)
	}
	admin, err := sarama.NewClusterAdmin(broker.ListenAddrs(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.DeleteRecords("t", map[int32]int64{0: 5}); err != nil {
		t.Fatal(err)
	}
	lost, err := lookAgain(t.Context(), client, "t", []drill.Run{{Partition: 0, From: 3, Len: []int64{4, 10, 2}}})
	want := drill.Lost{Expired: []drill.Run{{From: 3, Len: []int64{2}}}, InLog: []drill.Run{{From: 5, Len: []int64{2, 10, 2}}}}
	if diff := cmp.Diff(want, lost); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if _, _, err := readBack(t.Context(), client, readPlan{Topic: "t", From: []int64{0}, To: []int64{20}, Drill: "d1"}, drill.NewHasher()); !errors.Is(err, sarama.ErrOffsetOutOfRange) {
		t.Errorf("what retention took was read back: %v", err)
	}
}
