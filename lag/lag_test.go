package lag

import (
	"errors"
	"testing"
)

func TestLag(t *testing.T) {
	for _, row := range []struct {
		name string
		p    Partition
		want int64
		err  error
	}{
		{"behind", Partition{0, 10, 4}, 6, nil},
		{"drained", Partition{0, 10, 10}, 0, nil},
		{"empty", Partition{0, 0, 0}, 0, nil},
		{"never committed", Partition{0, 10, None}, 0, ErrNoCommit},
		{"trimmed", Partition{5, 10, 4}, 5, ErrTrimmed},
		{"at the start of a trimmed log", Partition{5, 10, 5}, 5, nil},
		{"beyond the end", Partition{0, 10, 11}, 0, ErrBeyondEnd},
	} {
		got, err := row.p.Lag()
		if got != row.want || !errors.Is(err, row.err) {
			t.Errorf("%s: %d, %v; want %d, %v", row.name, got, err, row.want, row.err)
		}
	}
}

func TestSumIsOfAllOrNone(t *testing.T) {
	if got, err := Sum([]Partition{{0, 10, 4}, {0, 3, 3}}); got != 6 || err != nil {
		t.Errorf("sum %d, %v; want 6", got, err)
	}
	if got, err := Sum([]Partition{{0, 10, 4}, {0, 3, None}}); got != 0 || !errors.Is(err, ErrNoCommit) {
		t.Errorf("a sum that leaves a partition out: %d, %v", got, err)
	}
	if _, err := Sum(nil); err == nil {
		t.Error("the sum of no partition is a number")
	}
}

func TestPartitionsOfUnequalVectors(t *testing.T) {
	if _, err := Partitions([]int64{0, 0}, []int64{1, 1}, []int64{1}); !errors.Is(err, ErrPartition) {
		t.Errorf("a partition without a commit vector entry: %v", err)
	}
}
