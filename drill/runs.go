package drill

import (
	"fmt"
	"iter"
	"slices"
)

// Run is a set of ascending offsets of one partition in few bytes: from From
// on, Len[0] offsets are in it, Len[1] are not, Len[2] are, and so on. A million
// offsets in a row are one Run with one length.
type Run struct {
	Partition int32   `json:"p"`
	From      int64   `json:"o"`
	Len       []int64 `json:"l"`
}

// Check says what is wrong with a Run that was read from outside.
func (r Run) Check() error {
	if r.Partition < 0 || r.From < 0 || len(r.Len)%2 == 0 {
		return fmt.Errorf("run p=%d o=%d with %d lengths: partition and offset are 0 or more, lengths are odd in number", r.Partition, r.From, len(r.Len))
	}
	end := r.From
	for _, n := range r.Len {
		if n <= 0 || end+n < end {
			return fmt.Errorf("run p=%d o=%d: length %d is not above 0", r.Partition, r.From, n)
		}
		end += n
	}
	return nil
}

// Spans yields each [from, to) of offsets in the run, ascending.
func (r Run) Spans() iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		at := r.From
		for i, n := range r.Len {
			if i%2 == 0 && !yield(at, at+n) {
				return
			}
			at += n
		}
	}
}

// Count is the number of offsets in the run.
func (r Run) Count() (n int64) {
	for i := 0; i < len(r.Len); i += 2 {
		n += r.Len[i]
	}
	return n
}

// Count is the number of offsets in all runs.
func Count(runs []Run) (n int64) {
	for _, r := range runs {
		n += r.Count()
	}
	return n
}

// RunsOf packs the offsets of one partition, in any order. Offsets that occur
// again go to extra, once for each further time.
func RunsOf(partition int32, offsets []int64) (runs, extra []Run) {
	if len(offsets) == 0 {
		return nil, nil
	}
	if !slices.IsSorted(offsets) {
		slices.Sort(offsets)
	}
	r := Run{Partition: partition, From: offsets[0], Len: []int64{1}}
	last := offsets[0]
	var again []int64
	for _, o := range offsets[1:] {
		switch {
		case o == last:
			again = append(again, o)
			continue
		case o == last+1:
			r.Len[len(r.Len)-1]++
		default:
			r.Len = append(r.Len, o-last-1, 1)
		}
		last = o
	}
	if len(again) > 0 {
		once, more := RunsOf(partition, again)
		extra = append(once, more...)
	}
	return []Run{r}, extra
}
