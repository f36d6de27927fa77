package drill

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var tick = time.Date(2026, 11, 23, 10, 50, 0, 0, time.UTC)

// expecting owes offsets 100 to 104 of partition 1, with hashes 1000 to 1004;
// offset 102 is a hole in the log.
func expecting() *Tally {
	t := NewTally()
	t.Expect(1, 100, []uint64{1000, 1001, 0, 1003, 1004})
	t.Connect(1)
	return t
}

func arrive(t *Tally, offsets ...int64) {
	for i, o := range offsets {
		t.Arrive(tick.Add(time.Duration(i)*time.Second), 1, o, uint64(o+900))
	}
}

func TestTally(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*Tally)
		want Seen
	}{
		{"in order", func(y *Tally) { arrive(y, 100, 101, 103, 104) }, Seen{
			Conn: 1, First: tick, Last: tick.Add(3 * time.Second), Runs: []Run{{1, 100, []int64{2, 1, 2}}}, Checked: 4,
		}},
		{"one again", func(y *Tally) { arrive(y, 100, 101, 100) }, Seen{
			Conn: 1, First: tick, Last: tick.Add(2 * time.Second), Runs: []Run{{1, 100, []int64{2}}}, Again: []Run{{1, 100, []int64{1}}}, Checked: 3,
		}},
		{"two swapped", func(y *Tally) { arrive(y, 100, 103, 101) }, Seen{
			Conn: 1, First: tick, Last: tick.Add(2 * time.Second), Runs: []Run{{1, 100, []int64{2, 1, 1}}}, Checked: 3,
			Misordered: Oddities{1, []Oddity{{1, 101, "came after offset 103"}}},
		}},
		{"another content", func(y *Tally) { y.Arrive(tick, 1, 103, 7, 8) }, Seen{
			Conn: 1, First: tick, Last: tick, Runs: []Run{{1, 103, []int64{1}}}, Checked: 1,
			Corrupt: Oddities{1, []Oddity{{1, 103, "key or value is not what the log has"}}},
		}},
		{"one of several readings is right", func(y *Tally) { y.Arrive(tick, 1, 103, 7, 1003) }, Seen{
			Conn: 1, First: tick, Last: tick, Runs: []Run{{1, 103, []int64{1}}}, Checked: 1,
		}},
		{"an event at a hole of the log", func(y *Tally) { y.Arrive(tick, 1, 102, 5) }, Seen{
			Conn: 1, First: tick, Last: tick, Runs: []Run{{1, 102, []int64{1}}}, Checked: 1,
			Corrupt: Oddities{1, []Oddity{{1, 102, "key or value is not what the log has"}}},
		}},
		{"events that are not owed", func(y *Tally) { y.Arrive(tick, 1, 99, 5); y.Arrive(tick, 1, 105, 5); y.Arrive(tick, 7, 0, 5) }, Seen{
			Conn: 1, First: tick, Last: tick, Runs: []Run{{1, 99, []int64{1, 5, 1}}, {7, 0, []int64{1}}},
		}},
		{"a frame that cannot be read", func(y *Tally) { y.Unreadable(tick, "no offset") }, Seen{
			Conn: 1, First: tick, Last: tick, Runs: []Run{}, Unreadable: Oddities{1, []Oddity{{-1, -1, "no offset"}}},
		}},
		{"a new connection orders afresh", func(y *Tally) {
			arrive(y, 104)
			y.Flush()
			y.Connect(2)
			arrive(y, 100)
		}, Seen{Conn: 2, First: tick, Last: tick, Runs: []Run{{1, 100, []int64{1}}}, Checked: 1}},
	} {
		y := expecting()
		c.do(y)
		got, ok := y.Flush()
		if diff := cmp.Diff(c.want, got); diff != "" || !ok {
			t.Errorf("%s: %v (-want +got)\n%s", c.name, ok, diff)
		}
		if again, ok := y.Flush(); ok {
			t.Errorf("%s: flushed twice: %v", c.name, again)
		}
	}
}

// Oddities are counted for ever and listed to a bound.
func TestOdditiesAreBounded(t *testing.T) {
	var o Oddities
	for i := range int64(3 * MaxOddities) {
		o.Add(Oddity{Offset: i})
	}
	if o.Count != 3*MaxOddities || len(o.First) != MaxOddities || o.First[0].Offset != 0 {
		t.Errorf("%d counted, %d kept", o.Count, len(o.First))
	}
}
