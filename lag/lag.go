package lag

import (
	"errors"
	"fmt"
)

// None is the commit of a partition that has none.
const None = -1

// Why a lag cannot be told. Unknown is never 0.
var (
	ErrNoCommit  = errors.New("no commit")
	ErrTrimmed   = errors.New("the commit is below the log's start: what it points at was deleted")
	ErrBeyondEnd = errors.New("the commit is beyond the log's end: the topic was recreated or truncated")
	ErrPartition = errors.New("no such partition")
)

// Partition is one partition's offsets: the log holds [Start, End), and the
// next event to be consumed is Committed, or None.
type Partition struct{ Start, End, Committed int64 }

// Lag is how many offsets lie between commit and end. Commits have to be read
// before ends, then it is never below the true lag of that moment.
func (p Partition) Lag() (int64, error) {
	switch {
	case p.Committed == None:
		return 0, ErrNoCommit
	case p.Committed > p.End:
		return 0, fmt.Errorf("%w (%d > %d)", ErrBeyondEnd, p.Committed, p.End)
	case p.Committed < p.Start:
		return p.End - p.Start, fmt.Errorf("%w (%d < %d)", ErrTrimmed, p.Committed, p.Start)
	}
	return p.End - p.Committed, nil
}

// Sum adds up the lag of all partitions. An error of one is an error of the
// sum, joined with the others: a total that leaves some out is no total.
func Sum(ps []Partition) (sum int64, err error) {
	if len(ps) == 0 {
		return 0, ErrPartition
	}
	for i, p := range ps {
		n, e := p.Lag()
		if e != nil {
			err = errors.Join(err, fmt.Errorf("partition %d: %w", i, e))
		}
		sum += n
	}
	if err != nil {
		return 0, err
	}
	return sum, nil
}

// Partitions puts vectors together, index = partition. A commit that is missing
// from a shorter vector is an error, not 0.
func Partitions(start, end, committed []int64) ([]Partition, error) {
	if len(start) != len(end) || len(committed) != len(end) {
		return nil, fmt.Errorf("%w: %d starts, %d ends, %d commits", ErrPartition, len(start), len(end), len(committed))
	}
	ps := make([]Partition, len(end))
	for i := range ps {
		ps[i] = Partition{Start: start[i], End: end[i], Committed: committed[i]}
	}
	return ps, nil
}
