package checks

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aetherlink/aether/drill"
)

// What a drill of a million events may cost.
const (
	million      = 1_000_000
	maxJournal   = 5 << 20  // bytes
	maxHeap      = 40 << 20 // bytes, ledger and tally together
	partitionsOf = 3
)

// big is the hand-written drill with a million events owed in it, delivered as
// a service delivers them: the partitions interleaved, on the tape every 5,000.
// Every lose-th of them is lost; 0: none.
func big(tb testing.TB, lose int) (*story, *drill.Tally) {
	s := healthy(tb)
	s.spec.Backlog.Events = million
	const each = million / partitionsOf
	from, to := make([]int64, partitionsOf), make([]int64, partitionsOf)
	var whole []drill.Run
	tally := drill.NewTally()
	for p := range int32(partitionsOf) {
		from[p], to[p] = 101, 101+each+int64(b2i(p == 0))
		whole = append(whole, drill.Run{Partition: p, From: from[p], Len: []int64{to[p] - from[p]}})
		hashes := make([]uint64, to[p]-from[p])
		for i := range hashes {
			hashes[i] = uint64(i) + 1
		}
		tally.Expect(p, from[p], hashes)
	}
	s.edit(func(at float64, r *drill.Record) bool {
		if r.Owed != nil {
			*r.Owed = drill.Owed{From: from, To: to, Runs: whole, Drill: drill.Drill{Offsets: whole, Regular: true, Seqs: []drill.Run{{From: 0, Len: []int64{million}}}}}
		}
		if r.Run != nil {
			r.Run.Spec = s.spec
		}
		return r.Seen == nil || at < startAt
	})
	s.deliver(tb, tally, lose)
	return s, tally
}

// deliver lets the events arrive; the partitions' shares of a batch are uneven,
// as they are.
func (s *story) deliver(tb testing.TB, tally *drill.Tally, lose int) {
	const batch = 5000
	tally.Connect(2)
	next := [partitionsOf]int64{101, 101, 101}
	for i, n := 0, 0; n < million; i++ {
		p := (i + i/7 + i/1000) % partitionsOf
		if end := int64(101 + million/partitionsOf + b2i(p == 0)); next[p] == end {
			continue
		}
		if lose == 0 || n%lose != 0 {
			tally.Arrive(sec(26), int32(p), next[p], uint64(next[p]-101)+1)
		}
		next[p]++
		if n++; n%batch == 0 || n == million {
			seen, ok := tally.Flush()
			if !ok {
				tb.Fatal("nothing to flush")
			}
			s.add(26, drill.Record{Seen: &seen})
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// costs folds and judges a journal of a million.
func costs(tb testing.TB, lose int) (journal []byte, held uint64, took time.Duration) {
	before := heap()
	s, tally := big(tb, lose)
	journal = bytes.Clone(s.journal(tb))
	spec := s.spec
	s = nil
	began := time.Now()
	records, err := drill.ReadJournal(journal)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := drill.Fold(records)
	if err != nil {
		tb.Fatal(err)
	}
	findings := drill.Judge(spec, f, All())
	took = time.Since(began)
	records = nil
	held = heap() - before - uint64(cap(journal))
	lost := int64(0)
	if lose > 0 {
		lost = (million + int64(lose) - 1) / int64(lose)
	}
	if l := f.Ledger(); l.Owed != million || l.Once != million-lost || l.Lost != lost || l.Checked != million-lost {
		tb.Fatalf("%d owed, %d once, %d lost, %d compared", l.Owed, l.Once, l.Lost, l.Checked)
	}
	for _, x := range findings {
		if lose == 0 && strings.HasPrefix(x.Check, "delivery.") && x.Verdict != drill.Pass {
			tb.Errorf("%s: %s, %s", x.Check, x.Verdict, x.Reason)
		}
	}
	runtime.KeepAlive(tally)
	runtime.KeepAlive(f)
	return journal, held, took
}

func TestAMillionEventsFit(t *testing.T) {
	for _, lose := range []int{0, 3} {
		journal, held, took := costs(t, lose)
		if len(journal) > maxJournal {
			t.Errorf("the journal has %d bytes, at most %d", len(journal), maxJournal)
		}
		if held > maxHeap {
			t.Errorf("ledger and tally hold %d bytes, at most %d", held, maxHeap)
		}
		t.Logf("one of %d lost: journal %d bytes, heap %.1f MiB, read and judged in %s", lose, len(journal), float64(held)/(1<<20), took)
	}
}

func BenchmarkMillion(b *testing.B) {
	for b.Loop() {
		journal, held, took := costs(b, 0)
		b.ReportMetric(float64(len(journal)), "journal-bytes")
		b.ReportMetric(float64(held), "heap-bytes")
		b.ReportMetric(took.Seconds(), "judge-s")
	}
}
