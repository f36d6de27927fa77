package drill

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// log owes offsets 10 to 14 of two partitions; the log has a hole at 12 of
// partition 1. All but offset 14 are the drill's: 0 2 4 6 and 1 3 5.
func log() Record {
	return Record{Owed: &Owed{
		From: []int64{10, 10}, To: []int64{15, 15},
		Runs:  []Run{{0, 10, []int64{5}}, {1, 10, []int64{2, 1, 2}}},
		Drill: Drill{Regular: true, Offsets: []Run{{0, 10, []int64{4}}, {1, 10, []int64{2, 1, 1}}}},
		Other: 2,
	}}
}

func number(n int64) *int64 { return &n }

func TestLedger(t *testing.T) {
	all := []Run{{0, 10, []int64{5}}, {1, 10, []int64{2, 1, 2}}}
	none := []Exception{}
	for _, c := range []struct {
		name    string
		records []Record
		want    Ledger
	}{
		{"everything once", []Record{log(), {Seen: &Seen{Runs: all, Checked: 9}}}, Ledger{Owed: 9, Once: 9, Checked: 9, Exceptions: none}},
		{"nothing", []Record{log()}, Ledger{Owed: 9, Lost: 9, Exceptions: []Exception{
			{KindLost, 0, 10, number(0), CauseUnknown}, {KindLost, 0, 11, number(2), CauseUnknown}, {KindLost, 0, 12, number(4), CauseUnknown},
			{KindLost, 0, 13, number(6), CauseUnknown}, {KindLost, 0, 14, nil, CauseUnknown},
			{KindLost, 1, 10, number(1), CauseUnknown}, {KindLost, 1, 11, number(3), CauseUnknown}, {KindLost, 1, 13, number(5), CauseUnknown}, {KindLost, 1, 14, nil, CauseUnknown},
		}}},
		{"seen before it was known to be owed", []Record{seen(all...), log()}, Ledger{Owed: 9, Once: 9, Exceptions: none}},
		{"read back twice", []Record{log(), seen(all...), log()}, Ledger{Owed: 9, Once: 9, Exceptions: none}},
		{"in pieces, on two connections", []Record{log(), seen(all[0]), {Seen: &Seen{Conn: 2, Runs: all[1:], Checked: 4}}}, Ledger{Owed: 9, Once: 9, Checked: 4, Exceptions: none}},
		{"one again, one three times", []Record{log(), {Seen: &Seen{Runs: all, Again: []Run{{0, 14, []int64{1}}}}}, seen(Run{1, 13, []int64{1}}), seen(Run{1, 13, []int64{1}})},
			Ledger{Owed: 9, Once: 7, Repeated: 2, Extra: 3, Exceptions: []Exception{{KindRepeated, 0, 14, nil, "seen 2 times"}, {KindRepeated, 1, 13, number(5), "seen 3 times"}}}},
		{"what was delivered before the outage comes again", []Record{log(), seen(Run{0, 7, []int64{8}}, all[1])}, Ledger{Owed: 9, Once: 9, Stale: 3, Exceptions: none}},
		{"events that nobody owes", []Record{log(), seen(all...), seen(Run{0, 15, []int64{3}}, Run{1, 12, []int64{1}}, Run{7, 10, []int64{5}})}, Ledger{Owed: 9, Once: 9, Exceptions: none}},
		{"oddities of what is owed count, others do not", []Record{log(), {Seen: &Seen{Runs: all,
			Corrupt:    Oddities{2, []Oddity{{0, 12, "bytes"}, {0, 99, "bytes"}}},
			Misordered: Oddities{101, []Oddity{{1, 13, "late"}}}, // 100 were too many to be listed
			Unreadable: Oddities{2, nil}}}}, Ledger{Owed: 9, Once: 9, Corrupt: 1, OutOfOrder: 101, Unreadable: 2, Exceptions: []Exception{{KindCorrupt, 0, 12, number(4), "bytes"}, {KindOutOfOrder, 1, 13, number(5), "late"}}}},
	} {
		f := folded(t, c.records...)
		got := f.Ledger()
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
		if !got.Balanced() {
			t.Errorf("%s: %+v does not balance", c.name, got)
		}
		if int64(len(got.Exceptions)) < MaxOddities && Count(f.Missing()) != got.Lost || f.SeenOwed() != got.Once+got.Repeated {
			t.Errorf("%s: %v missing, %d seen, the ledger says %+v", c.name, f.Missing(), f.SeenOwed(), got)
		}
	}
}

func TestAnEmptyAccountDoesNotBalance(t *testing.T) {
	if (Ledger{}).Balanced() || folded(t, seen(Run{0, 1, []int64{5}})).Ledger().Balanced() {
		t.Error("nothing owed balances: it would prove nothing")
	}
}

func TestCauses(t *testing.T) {
	one := []Run{{0, 12, []int64{1}}}
	gap := Record{Gap: &Gap{Partition: 0, From: 12, To: 13, Reason: "retention"}}
	for want, records := range map[string][]Record{
		CauseUnknown:              {log(), {Lost: &Lost{Error: "broker away", InLog: one}}, looked(1, 15, 15)},
		CauseRetention:            {log(), {Lost: &Lost{Expired: one}}, looked(1, 15, 15)},
		CauseBroker:               {log(), {Lost: &Lost{Missing: one}}, looked(1, 15, 15)},
		CauseBridge:               {log(), {Lost: &Lost{InLog: one}}, looked(1, 13, 10)},
		CauseUndrained:            {log(), {Lost: &Lost{InLog: one}}, looked(1, 12, 15)},
		CauseSaid + ": retention": {log(), {Lost: &Lost{InLog: one}}, looked(1, 15, 15), gap},
	} {
		l := folded(t, records...).Ledger()
		for _, e := range l.Exceptions {
			if e.Partition == 0 && e.Offset == 12 && e.Cause != want {
				t.Errorf("want %q, got %q", want, e.Cause)
			}
			if !(e.Partition == 0 && e.Offset == 12) && e.Cause != CauseUnknown {
				t.Errorf("%s was not asked for, and yet: %q", e, e.Cause)
			}
		}
	}
	l := folded(t, log(), Record{Lost: &Lost{InLog: one}}).Ledger() // nobody looked at the commits
	if l.Exceptions[2].Cause != CauseUnknown {
		t.Errorf("without commits: %q", l.Exceptions[2].Cause)
	}
	l = folded(t, log(), Record{Lost: &Lost{InLog: []Run{{1, 13, []int64{1}}}}}, looked(1, 15)).Ledger()
	if e := l.Exceptions[7]; e.Partition != 1 || e.Offset != 13 || e.Cause != CauseUnknown {
		t.Errorf("without a commit of that partition: %s, %q", e, e.Cause)
	}
}

// The count of one event stops, it never wraps around to lost.
func TestAnEventSeenVeryOften(t *testing.T) {
	records := []Record{log(), seen(Run{0, 10, []int64{5}}, Run{1, 10, []int64{2, 1, 2}})}
	for range 600 {
		records = append(records, seen(Run{0, 10, []int64{1}}))
	}
	l := folded(t, records...).Ledger()
	if l.Lost != 0 || l.Once != 8 || l.Repeated != 1 || l.Extra < 250 {
		t.Errorf("%+v", l)
	}
}

func TestFirstAndLastOwed(t *testing.T) {
	f := folded(t, log(), seen(Run{0, 3, []int64{2}}), seen(Run{0, 10, []int64{1}}), seen(Run{0, 11, []int64{1}}), seen(Run{0, 11, []int64{1}}))
	if first := f.FirstOwed(); first == nil || first.Line != 3 {
		t.Errorf("first: %+v", first)
	}
	if last := f.LastOwed(); last == nil || last.Line != 4 {
		t.Errorf("last: %+v", last)
	}
	if diff := cmp.Diff([]int64{12}, f.Heads()); diff != "" {
		t.Error(diff)
	}
	if f.OwedCount() != 9 || f.Last != tick.Add(4*time.Second) {
		t.Errorf("%d owed, ends %s", f.OwedCount(), f.Last)
	}
}

// A journal from outside must not make the fold hold what it says.
func TestAbsurdPartitionsAreNotHeld(t *testing.T) {
	f := folded(t, seen(Run{1 << 30, 0, []int64{1}}))
	if len(f.Heads()) != 0 {
		t.Errorf("%d heads", len(f.Heads()))
	}
}
