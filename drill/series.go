package drill

import (
	"maps"
	"slices"
	"sort"
	"time"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// SeriesFacts is one time series as it stands after all records so far. From
// and To bound what was looked at; a stretch inside them without points is an
// absence that was observed, outside them nothing is known.
type SeriesFacts struct {
	Name     string
	Labels   map[string]string
	From, To time.Time
	Points   []Point // ascending
	lines    []int   // journal line of each point
	looks    []look
}

// look is one record: the stretch that was looked at.
type look struct {
	from, to time.Time
	line     int
}

func (s *SeriesFacts) add(line int, r *Series) {
	if s.From.IsZero() || r.From.Before(s.From) {
		s.From = r.From
	}
	if r.To.After(s.To) {
		s.To = r.To
	}
	s.looks = append(s.looks, look{r.From, r.To, line})
	for _, p := range r.Points {
		i := sort.Search(len(s.Points), func(i int) bool { return !s.Points[i].At.Before(p.At) })
		if i < len(s.Points) && s.Points[i].At.Equal(p.At) {
			continue // seen before
		}
		s.Points = slices.Insert(s.Points, i, p)
		s.lines = slices.Insert(s.lines, i, line)
	}
}

// Between is the points in [from, to) with the journal lines they came in.
func (s *SeriesFacts) Between(from, to time.Time) (ps []Point, lines []int) {
	if s == nil {
		return nil, nil
	}
	lo := sort.Search(len(s.Points), func(i int) bool { return !s.Points[i].At.Before(from) })
	hi := sort.Search(len(s.Points), func(i int) bool { return !s.Points[i].At.Before(to) })
	if lo >= hi {
		return nil, nil
	}
	return s.Points[lo:hi], slices.Compact(slices.Clone(s.lines[lo:hi]))
}

// Last is the newest point and its line; ok is false where there is none.
func (s *SeriesFacts) Last() (p Point, line int, ok bool) {
	if s == nil || len(s.Points) == 0 {
		return Point{}, 0, false
	}
	i := len(s.Points) - 1
	return s.Points[i], s.lines[i], true
}

// Looked is the line of the newest look at the series, 0 for none.
func (s *SeriesFacts) Looked() int {
	if s == nil || len(s.looks) == 0 {
		return 0
	}
	return s.looks[len(s.looks)-1].line
}

// Covers says whether all of [from, to] was looked at, and on which lines: only
// there is a missing sample an absence. Looks that add nothing are left out.
func (s *SeriesFacts) Covers(from, to time.Time) (lines []int, ok bool) {
	if s == nil {
		return nil, false
	}
	seen := from
	for {
		best := look{}
		for _, l := range s.looks {
			if !l.from.After(seen) && l.to.After(best.to) {
				best = l
			}
		}
		if best.line == 0 || !best.to.After(seen) {
			return lines, false
		}
		lines = append(lines, best.line)
		if seen = best.to; !seen.Before(to) {
			return lines, true
		}
	}
}
