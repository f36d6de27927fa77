package live

import (
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/aetherlink/aether/drill"
)

func TestByHandSaysWhereEventsAre(t *testing.T) {
	broker, cfg, client := testKafka(t, 3)
	raw(t, broker.ListenAddrs(), &sarama.ProducerMessage{Topic: "t", Partition: 1, Value: sarama.StringEncoder("somebody's")})
	l := testLoad(5)
	l.Drill = "produce-1"
	got, err := ByHand(t.Context(), broker.ListenAddrs(), cfg, l)
	want := []Landed{{0, 2, 0, 1}, {1, 2, 1, 2}, {2, 1, 0, 0}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	plan := readPlan{Topic: "t", From: make([]int64, 3), To: []int64{2, 3, 1}, Drill: "produce-1"}
	owed, _, err := readBack(t.Context(), client, plan, drill.NewHasher())
	if err != nil || drill.Count(owed.Drill.Seqs) != 5 || owed.Other != 1 {
		t.Errorf("%+v, %v", owed, err)
	}
	plan.Drill = "d1" // a drill's own id: none of it is its
	if owed, _, err = readBack(t.Context(), client, plan, drill.NewHasher()); err != nil || drill.Count(owed.Drill.Seqs) != 0 {
		t.Errorf("a drill takes them for its own: %+v, %v", owed, err)
	}
}

// What was not acknowledged is an error, and what was is still told.
func TestByHandCountsWhatWasNotAcknowledged(t *testing.T) {
	broker, cfg, _ := testKafka(t, 2)
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "t", Partitions: []int32{1}, Err: kerr.MessageTooLarge, Count: -1})
	got, err := ByHand(t.Context(), broker.ListenAddrs(), cfg, testLoad(10))
	if err == nil || !strings.Contains(err.Error(), "5 of 10 events were not acknowledged") {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff([]Landed{{0, 5, 0, 4}, {1, 0, -1, -1}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAnOffsetFromBeforeIsNone(t *testing.T) {
	got := land(map[int64]int64{0: 12, 2: 0, 4: 14}, []int64{12, 3})
	if diff := cmp.Diff([]Landed{{0, 3, 12, 14}, {1, 0, -1, -1}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
