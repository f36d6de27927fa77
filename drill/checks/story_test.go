package checks

import (
	"slices"
	"testing"
	"time"

	"github.com/aetherlink/aether/drill"
)

// story is a drill written by hand: what happened, second by second, and the
// samples that Prometheus stored of it. Tests change one thing in it.
//
//	0      2      4       10.5   11.2      21.5    25.5    25.9 26  26.5    30      36      38
//	scrape stream canary  stop   backlog   firing  start   stream   inactive canary leaves  end
type story struct {
	spec   drill.Spec
	events []event
	series []*series
	every  float64 // seconds between looks at Prometheus
}

type event struct {
	at  float64
	rec drill.Record
}

type series struct {
	name   string
	labels map[string]string
	points []drill.Point
	until  float64 // nobody looked later; 0: to the end
}

var zero = time.Date(2026, 11, 23, 10, 50, 0, 0, time.UTC)

func sec(s float64) time.Time { return zero.Add(time.Duration(s*1000) * time.Millisecond) }

func length(s float64) drill.Duration { return drill.Duration(time.Duration(s * float64(time.Second))) }

func runs(from int64, n int64) []drill.Run {
	return []drill.Run{{Partition: 0, From: from, Len: []int64{n}}, {Partition: 1, From: from, Len: []int64{n}}}
}

const (
	stopAt, startAt, openAt = 10.5, 25.5, 25.9
	leaveAt, endAt          = 36.0, 38.0
	scrapePhase, evalPhase  = 0.25, 0.5
)

// healthy is a drill in which everything went as it should.
func healthy(t testing.TB) *story {
	t.Helper()
	spec, err := drill.LoadSpec([]byte("version: 1\nembedded: {partitions: 2}\nbacklog: {events: 6}\nobjectives: {first_event: 5s, drain: 8s}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &story{spec: spec, every: 2}
	s.stages()
	s.world()
	s.target()
	s.kafka()
	s.stream()
	s.prometheus()
	return s
}

func (s *story) add(at float64, r drill.Record) { s.events = append(s.events, event{at, r}) }

func (s *story) stages() {
	s.add(0, drill.Record{Run: &drill.RunInfo{Schema: drill.Schema, ID: "drill-1", World: "embedded", Spec: s.spec}})
	marks := []float64{0, 3, 10, 10.9, 11.5, 25.4, 25.8, 28, endAt}
	for i, name := range drill.Stages() {
		s.add(marks[i]+0.01, drill.Record{Stage: &drill.StageMark{Name: name}})
		s.add(marks[i+1], drill.Record{Stage: &drill.StageMark{Name: name, Done: true}})
	}
}

func rule() *drill.Rule {
	return &drill.Rule{
		Name: "CrmEventsServiceDown", Expr: `up{job="crm-events"} == 0`, Group: "crm-events-alerts", State: "inactive", Health: "ok",
		Interval: length(1), For: length(10), Scrape: length(1), ScrapeTimeout: length(1), Server: "3.16.0",
	}
}

func (s *story) world() {
	s.add(0.1, drill.Record{Clock: &drill.Clock{Of: "prometheus", Offset: 0, Error: length(0.001)}})
	s.add(0.2, drill.Record{Rule: rule()})
	s.add(37, drill.Record{Rule: rule()})
}

func (s *story) target() {
	zero := 0
	up := drill.TargetState{ID: "aether serve", Image: "sha256:1", Running: true, Started: sec(-100)}
	down := drill.TargetState{ID: up.ID, Image: up.Image, Started: up.Started, Finished: sec(10.55), Exit: &zero}
	again := drill.TargetState{ID: up.ID, Image: up.Image, Running: true, Started: sec(25.52)}
	s.add(10.4, drill.Record{Target: &up})
	s.add(10.45, drill.Record{Intent: &drill.Intent{Drill: "drill-1", Kind: "process"}})
	s.add(10.6, drill.Record{Call: &drill.Call{Op: drill.OpStop, From: sec(stopAt), To: sec(10.6)}})
	s.add(10.61, drill.Record{Target: &down})
	s.add(25.6, drill.Record{Call: &drill.Call{Op: drill.OpStart, From: sec(startAt), To: sec(25.6)}})
	s.add(25.61, drill.Record{Target: &again})
}

// kafka: three events a partition are the backlog, offsets 101 to 103.
func (s *story) kafka() {
	for i := range 74 {
		at := 1 + float64(i)/2
		end, commit := int64(100), int64(100)
		for _, step := range []struct {
			at        float64
			end, come int64
		}{{4, 1, 0}, {4.3, 0, 1}, {11.2, 3, 0}, {26.1, 0, 3}, {30, 1, 0}, {30.3, 0, 1}} {
			if at > step.at {
				end, commit = end+step.end, commit+step.come
			}
		}
		s.add(at+0.01, drill.Record{Offsets: &drill.Offsets{
			Asked: sec(at), Answered: sec(at + 0.01), Start: []int64{0, 0}, End: []int64{end, end}, Committed: []int64{commit, commit}, Members: 1,
		}})
	}
	s.add(4, drill.Record{Canary: &drill.Canary{Offsets: []int64{100, 100}}})
	s.add(11.2, drill.Record{Produced: &drill.Produced{Asked: 6, Acked: 6, From: sec(11), To: sec(11.2)}})
	s.add(11.4, drill.Record{Owed: &drill.Owed{
		From: []int64{101, 101}, To: []int64{104, 104}, Runs: runs(101, 3),
		Drill: drill.Drill{Offsets: runs(101, 3), Regular: true, Seqs: []drill.Run{{From: 0, Len: []int64{6}}}},
	}})
	s.add(30, drill.Record{Canary: &drill.Canary{Offsets: []int64{104, 104}}})
}

func (s *story) stream() {
	s.add(2, drill.Record{Stream: &drill.Stream{Conn: 1, Open: true}})
	s.add(4.1, drill.Record{Seen: &drill.Seen{Conn: 1, First: sec(4.05), Last: sec(4.06), Runs: runs(100, 1)}})
	s.add(10.55, drill.Record{Stream: &drill.Stream{Conn: 1, HasIDs: true, Reason: "ended by the service"}})
	s.add(openAt, drill.Record{Stream: &drill.Stream{Conn: 2, Open: true, Attempts: 150, Reason: "connection refused"}})
	s.add(26.0, drill.Record{Seen: &drill.Seen{Conn: 2, First: sec(25.95), Last: sec(25.99), Runs: runs(101, 3), Checked: 6}})
	s.add(30.1, drill.Record{Seen: &drill.Seen{Conn: 2, First: sec(30.05), Last: sec(30.06), Runs: runs(104, 1)}})
	s.add(leaveAt, drill.Record{Stream: &drill.Stream{Conn: 2, HasIDs: true, Reason: "the witness left"}})
}

// prometheus scrapes at .25 of every second and evaluates at .5.
func (s *story) prometheus() {
	up := s.newSeries("up", nil)
	counter := s.newSeries(s.spec.Prometheus.Counter, nil)
	began := s.newSeries("process_start_time_seconds", nil)
	clients := s.newSeries("crm_events_sse_clients", nil)
	lag := s.newSeries("kafka_consumergroup_lag_sum", nil)
	pending := s.newSeries("ALERTS", map[string]string{"alertstate": "pending"})
	firing := s.newSeries("ALERTS", map[string]string{"alertstate": "firing"})
	for k := range 38 {
		at := float64(k) + scrapePhase
		down := at > stopAt && at < openAt
		up.put(at, float64(b2i(!down)))
		lag.put(at, float64(6*b2i(at > 11.3 && at < 26.1)))
		if !down {
			counter.put(at, count(at))
			began.put(at, float64(zero.Unix())+map[bool]float64{true: -100, false: 25.52}[at < stopAt])
			clients.put(at, float64(b2i(at > 2 && at < stopAt || at > openAt && at < leaveAt)))
		}
		switch eval := float64(k) + evalPhase; {
		case eval > 11.25 && eval < 21.25:
			pending.put(eval, 1)
		case eval > 21.25 && eval < 26.25:
			firing.put(eval, 1)
		}
	}
}

// count is the service's counter: 50 of earlier, then every event.
func count(at float64) float64 {
	switch {
	case at < 4.1:
		return 50
	case at < stopAt:
		return 52
	case at < 30:
		return 6
	default:
		return 8
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *story) newSeries(name string, labels map[string]string) *series {
	x := &series{name: name, labels: labels}
	s.series = append(s.series, x)
	return x
}

func (x *series) put(at, v float64) {
	x.points = append(x.points, drill.Point{At: sec(at), Value: v})
}

// of is the series of that name; ALERTS is asked for by its state.
func (s *story) of(name string) *series {
	for _, x := range s.series {
		if x.name == name || x.labels["alertstate"] == name {
			return x
		}
	}
	panic("no series " + name)
}

// change calls f for every point in [from, to); false removes it.
func (x *series) change(from, to float64, f func(*drill.Point) bool) {
	var kept []drill.Point
	for _, p := range x.points {
		if p.At.Before(sec(from)) || !p.At.Before(sec(to)) || f(&p) {
			kept = append(kept, p)
		}
	}
	x.points = kept
}

// set gives every point in [from, to) a value, drop removes them.
func (x *series) set(from, to, v float64) {
	x.change(from, to, func(p *drill.Point) bool { p.Value = v; return true })
}

func (x *series) drop(from, to float64) {
	x.change(from, to, func(*drill.Point) bool { return false })
}

// edit calls f for every record; false removes it.
func (s *story) edit(f func(at float64, r *drill.Record) bool) {
	s.events = slices.DeleteFunc(s.events, func(e event) bool { return !f(e.at, &e.rec) })
}

// journal is the story as it is written down.
func (s *story) journal(t testing.TB) (journal []byte) {
	t.Helper()
	events := slices.Clone(s.events)
	for _, x := range s.series {
		events = append(events, s.looks(x)...)
	}
	slices.SortStableFunc(events, func(a, b event) int { return int((a.at - b.at) * 1e6) })
	for i, e := range events {
		e.rec.N, e.rec.At = i+1, sec(e.at)
		var err error
		if journal, err = drill.AppendLine(journal, e.rec); err != nil {
			t.Fatal(err)
		}
	}
	return journal
}

// facts folds the story, its journal written and read again.
func (s *story) facts(t testing.TB) *drill.Facts {
	t.Helper()
	records, err := drill.ReadJournal(s.journal(t))
	if err != nil {
		t.Fatal(err)
	}
	f, err := drill.Fold(records)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// looks are the records of a series, each with what is new.
func (s *story) looks(x *series) (out []event) {
	last := sec(-1000)
	for at := s.every; at <= endAt; at += s.every {
		if x.until > 0 && at > x.until {
			break
		}
		rec := &drill.Series{Name: x.name, Labels: x.labels, From: sec(at - 15), To: sec(at), Points: []drill.Point{}}
		for _, p := range x.points {
			if p.At.After(last) && !p.At.After(sec(at)) {
				rec.Points = append(rec.Points, p)
			}
		}
		last = sec(at)
		out = append(out, event{at, drill.Record{Series: rec}})
	}
	return out
}

// judged is the findings by check.
func (s *story) judged(t *testing.T) map[string]drill.Finding {
	t.Helper()
	out := map[string]drill.Finding{}
	for _, x := range drill.Judge(s.spec, s.facts(t), All()) {
		out[x.Check] = x
	}
	return out
}
