package drill

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func written(t *testing.T, records ...Record) []byte {
	t.Helper()
	var b []byte
	for i, r := range records {
		r.N, r.At = i+1, tick
		var err error
		if b, err = AppendLine(b, r); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestJournalThereAndBack(t *testing.T) {
	code := 143
	records := []Record{
		{Run: &RunInfo{Schema: Schema, ID: "x", Notes: []string{"<a> & b"}}},
		{Target: &TargetState{ID: "a", Exit: &code, Signal: "TERM", Started: tick}},
		{Series: &Series{Name: "up", From: tick, To: tick, Points: []Point{{tick.Add(time.Millisecond), 0.1}, {tick, math.Inf(1)}, {tick, -0}}}},
		log(), {Seen: &Seen{Conn: 2, First: tick, Last: tick, Runs: []Run{{1, 5, []int64{1, 2, 3}}}, Corrupt: Oddities{1, []Oddity{{1, 5, "n"}}}}},
	}
	got, err := ReadJournal(written(t, records...))
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		records[i].N, records[i].At = i+1, tick
	}
	if diff := cmp.Diff(records, got); diff != "" {
		t.Error(diff)
	}
	nan, err := ReadJournal(written(t, Record{Series: &Series{Points: []Point{{tick, math.NaN()}}}}))
	if err != nil || !math.IsNaN(nan[0].Series.Points[0].Value) {
		t.Errorf("NaN comes back as %v, %v", nan, err)
	}
}

func TestATornLineLosesOnlyItself(t *testing.T) {
	whole := written(t, Record{Stage: &StageMark{Name: StageFault}}, Record{Stage: &StageMark{Name: StageHold}})
	first := strings.IndexByte(string(whole), '\n') + 1
	for cut := first + 1; cut < len(whole); cut++ {
		got, err := ReadJournal(whole[:cut])
		if !errors.Is(err, ErrTorn) || len(got) != 1 {
			t.Fatalf("cut at %d: %d records, %v", cut, len(got), err)
		}
	}
	if got, err := ReadJournal(whole[:first]); err != nil || len(got) != 1 {
		t.Errorf("a whole line: %v, %v", got, err)
	}
	if got, err := ReadJournal(nil); err != nil || got != nil {
		t.Errorf("no journal: %v, %v", got, err)
	}
}

func TestAJournalIsReadStrictly(t *testing.T) {
	for name, line := range map[string]string{
		"unknown field":    `{"n":1,"at":"2026-11-23T10:50:00Z","verdict":"pass"}`,
		"unknown inside":   `{"n":1,"at":"2026-11-23T10:50:00Z","stage":{"name":"hold","done":true,"passed":true}}`,
		"no JSON":          `pass`,
		"two on a line":    `{"n":1,"at":"2026-11-23T10:50:00Z","stage":{"name":"hold"}}{"n":2}`,
		"empty line":       ``,
		"point with three": `{"n":1,"at":"2026-11-23T10:50:00Z","series":{"name":"up","points":[[1,"1",2]]}}`,
		"point as number":  `{"n":1,"at":"2026-11-23T10:50:00Z","series":{"name":"up","points":[[1,1]]}}`,
		"point alone":      `{"n":1,"at":"2026-11-23T10:50:00Z","series":{"name":"up","points":[[1]]}}`,
	} {
		if got, err := ReadJournal([]byte(line + "\n")); err == nil || errors.Is(err, ErrTorn) || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A line that was taken out or put elsewhere is noticed by the fold.
func TestACutJournalDoesNotFold(t *testing.T) {
	records, err := ReadJournal(written(t, Record{Stage: &StageMark{Name: StageFault}}, Record{Stage: &StageMark{Name: StageHold}}, Record{Stage: &StageMark{Name: StageHold, Done: true}}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Fold([]Record{records[0], records[2]}); err == nil {
		t.Error("a journal with a line cut out folds")
	}
	if _, err := Fold([]Record{records[1], records[0], records[2]}); err == nil {
		t.Error("a journal with lines exchanged folds")
	}
}
