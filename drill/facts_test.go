package drill

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// folded numbers records, a second apart, and folds them.
func folded(t *testing.T, records ...Record) *Facts {
	t.Helper()
	for i := range records {
		records[i].N, records[i].At = i+1, tick.Add(time.Duration(i)*time.Second)
	}
	f, err := Fold(records)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func seen(runs ...Run) Record { return Record{Seen: &Seen{Conn: 1, Runs: runs}} }

func call(op string, from, to int) Record {
	return Record{Call: &Call{Op: op, From: tick.Add(time.Duration(from) * time.Second), To: tick.Add(time.Duration(to) * time.Second)}}
}

func looked(at int, committed ...int64) Record {
	when := tick.Add(time.Duration(at) * time.Second)
	return Record{Offsets: &Offsets{Asked: when, Answered: when.Add(time.Millisecond), Committed: committed}}
}

func TestFoldRefusesWhatIsNoJournal(t *testing.T) {
	mark := &StageMark{Name: StageFault}
	for name, r := range map[string]Record{
		"out of turn":        {N: 3, Stage: mark},
		"again":              {N: 1, Stage: mark},
		"without a fact":     {N: 2},
		"with two facts":     {N: 2, Stage: mark, Offsets: &Offsets{}},
		"with a bad run":     {N: 2, Seen: &Seen{Runs: []Run{{0, 0, []int64{0}}}}},
		"with a bad again":   {N: 2, Seen: &Seen{Again: []Run{{-1, 0, []int64{1}}}}},
		"with bad sequences": {N: 2, Owed: &Owed{Drill: Drill{Seqs: []Run{{0, -5, []int64{1}}}}}},
	} {
		if _, err := Fold([]Record{{N: 1, Stage: mark}, r}); err == nil {
			t.Errorf("a line %s is folded", name)
		}
	}
}

func TestTwoFactsOfOneFamilyAreRefused(t *testing.T) {
	if _, err := Fold([]Record{{N: 1, Call: &Call{Op: OpStop}, Target: &TargetState{}}}); err == nil {
		t.Error("a line with a call and a target is folded, and one of them is left out silently")
	}
}

func TestStages(t *testing.T) {
	f := folded(t,
		Record{Stage: &StageMark{Name: StageBaseline}},
		Record{Stage: &StageMark{Name: StageBaseline, Done: true, Reason: "late"}},
		Record{Stage: &StageMark{Name: StageFault}},
		Record{Stage: &StageMark{Name: StageHold, Done: true}}, // never began
	)
	want := []StageSpan{{StageBaseline, tick, tick.Add(time.Second), "late"}, {Name: StageFault, Started: tick.Add(2 * time.Second)}}
	if diff := cmp.Diff(want, f.Stages); diff != "" {
		t.Error(diff)
	}
	if _, ok := f.Stage(StageHold); ok {
		t.Error("a stage that never began is there")
	}
}

func TestTheSurestClockCounts(t *testing.T) {
	clock := func(offset, err int) Record {
		return Record{Clock: &Clock{Of: "prometheus", Offset: Duration(offset), Error: Duration(err)}}
	}
	f := folded(t, clock(1, 30), clock(2, 10), clock(3, 20))
	if c, ok := f.ClockOf("prometheus"); !ok || c.V.Offset != 2 || c.Line != 2 {
		t.Errorf("%+v", c)
	}
	if _, ok := f.ClockOf("docker"); ok {
		t.Error("a clock that was never read is known")
	}
}

func TestTargetStatesByTheCalls(t *testing.T) {
	state := func(id string) Record { return Record{Target: &TargetState{ID: id}} }
	f := folded(t, state("a"), state("b"), call(OpStop, 2, 3), state("c"), state("d"), call(OpStart, 5, 6), state("e"))
	if rule := folded(t, Record{Rule: &Rule{For: 1}}, call(OpStop, 1, 2), Record{Rule: &Rule{For: 2}}).Rule(); rule == nil || rule.V.For != 1 {
		t.Errorf("the rule before the stop: %+v", rule)
	}
	for want, got := range map[string]*At[TargetState]{"b": f.TargetBefore(), "d": f.TargetDown(), "e": f.TargetAfter()} {
		if got == nil || got.V.ID != want {
			t.Errorf("want %s, got %+v", want, got)
		}
	}
	f = folded(t, state("a"))
	if f.TargetDown() != nil || f.TargetAfter() != nil || f.TargetBefore() == nil {
		t.Error("without a stop there is only a before")
	}
}

func TestFrozenIsWhollyInsideTheOutage(t *testing.T) {
	f := folded(t, looked(0, 1), call(OpStop, 1, 3), looked(2, 2), looked(4, 3), looked(5, 4), call(OpStart, 6, 7), looked(6, 5), looked(8, 6))
	if got := f.Frozen(); got == nil || got.V.Committed[0] != 4 {
		t.Errorf("frozen: %+v", got)
	}
	if got := folded(t, looked(0, 1), looked(2, 2)).Frozen(); got != nil {
		t.Errorf("frozen without a stop: %+v", got)
	}
	if got := folded(t, call(OpStop, 1, 3), looked(2, 2), call(OpStart, 6, 7), looked(8, 6)).Frozen(); got != nil {
		t.Errorf("frozen although nobody looked: %+v", got)
	}
	if f.CommittedTo(nil) || f.CommittedTo([]int64{6, 1}) || f.CommittedTo([]int64{7}) || !f.CommittedTo([]int64{6}) {
		t.Error("the newest look has the commit 6 and nothing else")
	}
}

func TestSeries(t *testing.T) {
	points := func(from, to int, ats ...int) Record {
		s := &Series{Name: "up", From: tick.Add(time.Duration(from) * time.Second), To: tick.Add(time.Duration(to) * time.Second), Points: []Point{}}
		for _, at := range ats {
			s.Points = append(s.Points, Point{At: tick.Add(time.Duration(at) * time.Second), Value: float64(at)})
		}
		return Record{Series: s}
	}
	f := folded(t, points(0, 10, 2, 4), points(5, 15, 4, 8, 6), points(20, 30))
	up := f.Series("up")
	ps, lines := up.Between(tick.Add(4*time.Second), tick.Add(8*time.Second))
	if len(ps) != 2 || ps[0].Value != 4 || ps[1].Value != 6 || !cmp.Equal(lines, []int{1, 2}) {
		t.Errorf("between: %v on %v", ps, lines)
	}
	if p, line, ok := up.Last(); !ok || p.Value != 8 || line != 2 {
		t.Errorf("last: %v on %d", p, line)
	}
	for _, c := range []struct {
		from, to int
		lines    []int
		ok       bool
	}{{1, 9, []int{1}, true}, {1, 14, []int{1, 2}, true}, {6, 14, []int{2}, true}, {1, 25, []int{1, 2}, false}, {-1, 3, nil, false}, {21, 30, []int{3}, true}, {21, 31, []int{3}, false}} {
		got, ok := up.Covers(tick.Add(time.Duration(c.from)*time.Second), tick.Add(time.Duration(c.to)*time.Second))
		if ok != c.ok || !cmp.Equal(got, c.lines) {
			t.Errorf("covers %d to %d: %v on %v", c.from, c.to, ok, got)
		}
	}
	if up.From != tick || up.To != tick.Add(30*time.Second) || f.Started != tick {
		t.Errorf("looked at from %s to %s, begun %s", up.From, up.To, f.Started)
	}
	never := f.Series("down")
	if _, ok := never.Covers(tick, tick); ok || never.Looked() != 0 {
		t.Error("a series that nobody looked at is covered")
	}
	if up.Looked() != 3 || strings.Join(f.SeriesNames(), " ") != "up" {
		t.Errorf("looked on %d at %v", up.Looked(), f.SeriesNames())
	}
}

func TestAlertStatesAreKeptApart(t *testing.T) {
	at := func(state string, v float64) Record {
		return Record{Series: &Series{Name: "ALERTS", Labels: map[string]string{"alertstate": state}, Points: []Point{{At: tick, Value: v}}}}
	}
	f := folded(t, at("pending", 1), at("firing", 2))
	p, _, _ := f.Alerts("pending").Last()
	q, _, _ := f.Alerts("firing").Last()
	if p.Value != 1 || q.Value != 2 {
		t.Errorf("pending %v, firing %v", p, q)
	}
}

// A kind of record that was added and not folded would be lost silently.
func TestEveryKindOfRecordFolds(t *testing.T) {
	kinds := reflect.TypeFor[Record]()
	for i := range kinds.NumField() {
		if kinds.Field(i).Type.Kind() != reflect.Pointer {
			continue
		}
		r := Record{N: 1}
		reflect.ValueOf(&r).Elem().Field(i).Set(reflect.New(kinds.Field(i).Type.Elem()))
		if _, err := Fold([]Record{r}); err != nil {
			t.Errorf("%s: %v", kinds.Field(i).Name, err)
		}
	}
}
