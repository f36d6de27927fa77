package drill

import (
	"fmt"
	"time"
)

// At is a fact with the journal line it stands on.
type At[T any] struct {
	Line int
	Time time.Time
	V    T
}

// Facts is what a journal folds into. The stages of a running drill wait on
// the same fold that is replayed later. Not safe for concurrent use; the tape
// that feeds it holds the lock.
type Facts struct {
	Lines         int
	Started, Last time.Time
	Run           *At[RunInfo]
	Stages        []StageSpan
	NotApplicable []NotApplicable
	Refusals      []At[Refusal]
	Clocks        map[string]At[Clock] // the surest reading of each
	Rules         []At[Rule]
	Intent        *At[Intent]
	Calls         []At[Call]
	Targets       []At[TargetState]
	Offsets       []At[Offsets]
	Canaries      []At[Canary]
	Produced      *At[Produced]
	Owed          *At[Owed]
	Streams       []At[Stream]
	Seen          []At[Seen]
	Gaps          []At[Gap]
	Lost          *At[Lost]
	Blind         []At[Blind]
	Interrupted   *At[Interrupted]
	Failures      []At[Failure]

	series   map[string]*SeriesFacts
	accounts []account // by partition, once it is known what is owed
	owed     int64
	seenOwed int64 // owed events seen at least once
	heads    []int64
	arrival  *At[Seen] // the first that brought an owed event
	lastOwed *At[Seen] // the last that brought a new one
}

// StageSpan is a stage from its mark to its end; Finished is zero while it runs.
type StageSpan struct {
	Name     string    `json:"name"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"`
	Reason   string    `json:"reason,omitempty"` // why it ended short of its goal
}

// NewFacts is the fold of an empty journal.
func NewFacts() *Facts {
	return &Facts{Clocks: map[string]At[Clock]{}, series: map[string]*SeriesFacts{}}
}

// Fold adds every record in order.
func Fold(records []Record) (*Facts, error) {
	f := NewFacts()
	for _, r := range records {
		if err := f.Add(r); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func at[T any](r Record, v *T) At[T] { return At[T]{Line: r.N, Time: r.At, V: *v} }

// Add folds one record. It refuses a line out of turn and a record that is
// none or more than one kind, so a journal that was cut or edited is noticed.
func (f *Facts) Add(r Record) error {
	if r.N != f.Lines+1 {
		return fmt.Errorf("journal line %d follows line %d", r.N, f.Lines)
	}
	if f.Lines == 0 {
		f.Started = r.At
	}
	f.Lines, f.Last = r.N, r.At
	if n := r.kinds(); n != 1 {
		return fmt.Errorf("journal line %d holds %d kinds of fact, not 1", r.N, n)
	}
	if err := f.check(r); err != nil {
		return err
	}
	for _, fold := range []func(*Facts, Record) bool{foldRun, foldTarget, foldWorld, foldEvents} {
		if fold(f, r) {
			return nil
		}
	}
	return fmt.Errorf("journal line %d holds a kind of fact that nothing folds", r.N)
}

func (f *Facts) check(r Record) error {
	var runs []Run
	switch {
	case r.Owed != nil:
		runs = append(append(append(runs, r.Owed.Runs...), r.Owed.Drill.Seqs...), r.Owed.Drill.Offsets...)
	case r.Seen != nil:
		runs = append(append(runs, r.Seen.Runs...), r.Seen.Again...)
	}
	for _, x := range runs {
		if err := x.Check(); err != nil {
			return fmt.Errorf("journal line %d: %w", r.N, err)
		}
	}
	return nil
}

func foldRun(f *Facts, r Record) bool {
	switch {
	case r.Run != nil:
		v := at(r, r.Run)
		f.Run = &v
	case r.Stage != nil:
		f.stage(r)
	case r.NotApplicable != nil:
		f.NotApplicable = append(f.NotApplicable, *r.NotApplicable)
	case r.Refusal != nil:
		f.Refusals = append(f.Refusals, at(r, r.Refusal))
	case r.Interrupted != nil:
		v := at(r, r.Interrupted)
		f.Interrupted = &v
	case r.Failure != nil:
		f.Failures = append(f.Failures, at(r, r.Failure))
	case r.Blind != nil:
		f.Blind = append(f.Blind, at(r, r.Blind))
	default:
		return false
	}
	return true
}

func (f *Facts) stage(r Record) {
	if !r.Stage.Done {
		f.Stages = append(f.Stages, StageSpan{Name: r.Stage.Name, Started: r.At})
		return
	}
	if i := len(f.Stages) - 1; i >= 0 && f.Stages[i].Name == r.Stage.Name {
		f.Stages[i].Finished, f.Stages[i].Reason = r.At, r.Stage.Reason
	}
}

func foldTarget(f *Facts, r Record) bool {
	switch {
	case r.Intent != nil:
		v := at(r, r.Intent)
		f.Intent = &v
	case r.Call != nil:
		f.Calls = append(f.Calls, at(r, r.Call))
	case r.Target != nil:
		f.Targets = append(f.Targets, at(r, r.Target))
	default:
		return false
	}
	return true
}

func foldWorld(f *Facts, r Record) bool {
	switch {
	case r.Clock != nil:
		if old, ok := f.Clocks[r.Clock.Of]; !ok || r.Clock.Error <= old.V.Error {
			f.Clocks[r.Clock.Of] = at(r, r.Clock)
		}
	case r.Rule != nil:
		f.Rules = append(f.Rules, at(r, r.Rule))
	case r.Series != nil:
		f.addSeries(r)
	case r.Offsets != nil:
		f.Offsets = append(f.Offsets, at(r, r.Offsets))
	default:
		return false
	}
	return true
}

func foldEvents(f *Facts, r Record) bool {
	switch {
	case r.Canary != nil:
		f.Canaries = append(f.Canaries, at(r, r.Canary))
	case r.Produced != nil:
		v := at(r, r.Produced)
		f.Produced = &v
	case r.Owed != nil:
		f.owe(r)
	case r.Stream != nil:
		f.Streams = append(f.Streams, at(r, r.Stream))
	case r.Seen != nil:
		f.see(r)
	case r.Gap != nil:
		f.Gaps = append(f.Gaps, at(r, r.Gap))
	case r.Lost != nil:
		v := at(r, r.Lost)
		f.Lost = &v
	default:
		return false
	}
	return true
}
