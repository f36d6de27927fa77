package live

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aetherlink/aether/drill"
)

// show tells whoever watches how things stand.
type show struct {
	r    *run
	quit chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	waiting string
	putBack string
}

// showEvery is how often a watcher is told, news or not.
const showEvery = 200 * time.Millisecond

func startShow(r *run) *show {
	s := &show{r: r, quit: make(chan struct{})}
	if r.Progress == nil {
		return s
	}
	s.done.Go(func() {
		tick := time.NewTicker(showEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.Progress(s.snapshot())
			case <-s.quit:
				return
			}
		}
	})
	return s
}

func (s *show) close() {
	close(s.quit)
	s.done.Wait()
}

func (s *show) note(what string) { s.set(&s.waiting, what) }
func (s *show) undo(cmd string) {
	s.set(&s.putBack, cmd)
	if s.r.Progress != nil {
		s.r.Progress(s.snapshot()) // before the stop, not 200 ms later
	}
}

func (s *show) set(field *string, v string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*field = v
}

func (s *show) final(result *drill.Result) {
	if s.r.Progress == nil {
		return
	}
	last := s.snapshot()
	last.Final = result
	s.r.Progress(last)
}

func (s *show) snapshot() Snapshot {
	now := Snapshot{Now: time.Now(), Lag: -1, Expect: map[string]time.Duration{}}
	s.mu.Lock()
	now.Note, now.Undo = s.waiting, s.putBack
	s.mu.Unlock()
	s.r.tape.View(func(f *drill.Facts) { fill(&now, f) })
	if hold := s.r.Spec.Outage.Hold.D(); hold > 0 {
		now.Expect[drill.StageHold] = hold
	}
	if f := s.r.fireBy(); !f.IsZero() {
		now.FireBy = f
	}
	return now
}

func fill(now *Snapshot, f *drill.Facts) {
	now.Started, now.Stages = f.Started, slices.Clone(f.Stages)
	now.Owed, now.Seen = f.OwedCount(), f.SeenOwed()
	if o := f.LastOffsets(); o != nil {
		now.Lag = lagOf(o.V)
	}
	if p, _, ok := f.Series("up").Last(); ok {
		now.Up = map[bool]string{true: "up", false: "down"}[p.Value == 1]
	}
	now.Stream = map[bool]string{true: "open", false: "closed"}[streamOpen(f)]
	rule := f.Rule()
	if rule == nil {
		return
	}
	now.Alert = alertState(f, rule.V)
	w := alertWindow(rule.V)
	now.Expect[drill.StageHold] = w.CertainOutage()
	now.Expect[drill.StageSettle] = 4 * (rule.V.Scrape.D() + rule.V.Interval.D())
	now.Expect[drill.StageBaseline] = 2 * (rule.V.Scrape.D() + rule.V.Interval.D())
}

// alertState is that of the newest sample, inactive where two evaluations
// went by without one.
func alertState(f *drill.Facts, rule drill.Rule) string {
	state, at := "inactive", time.Time{}
	for _, s := range []string{"pending", "firing"} {
		p, _, ok := f.Alerts(s).Last()
		if ok && p.At.After(at) && f.Alerts(s).To.Before(p.At.Add(2*rule.Interval.D())) {
			state, at = s, p.At
		}
	}
	return state
}

func lagOf(o drill.Offsets) (sum int64) {
	for p, end := range o.End {
		if p >= len(o.Committed) || o.Committed[p] < 0 {
			return -1
		}
		sum += max(end-o.Committed[p], 0)
	}
	return sum
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
