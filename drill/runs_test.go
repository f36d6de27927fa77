package drill

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func offsetsIn(runs []Run) (all []int64) {
	for _, r := range runs {
		for from, to := range r.Spans() {
			for o := from; o < to; o++ {
				all = append(all, o)
			}
		}
	}
	return all
}

func TestRunsOf(t *testing.T) {
	runs, extra := RunsOf(2, []int64{12, 10, 11, 15, 10, 10, 15})
	if diff := cmp.Diff([]Run{{2, 10, []int64{3, 2, 1}}}, runs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Run{{2, 10, []int64{1, 4, 1}}, {2, 10, []int64{1}}}, extra); diff != "" {
		t.Error(diff)
	}
	if runs, extra := RunsOf(0, nil); runs != nil || extra != nil {
		t.Errorf("nothing packs into %v, %v", runs, extra)
	}
}

// Whatever arrives, runs and extra together hold it as often as it came, and
// runs alone each offset once.
func TestRunsHoldWhatCame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		came := make([]int64, random.IntN(40))
		for i := range came {
			came[i] = random.Int64N(30)
		}
		runs, extra := RunsOf(3, slices.Clone(came))
		for _, r := range slices.Concat(runs, extra) {
			if err := r.Check(); err != nil || r.Partition != 3 {
				t.Fatalf("%v of %v: %v", r, came, err)
			}
		}
		once := offsetsIn(runs)
		if !slices.IsSorted(once) || len(slices.Compact(slices.Clone(once))) != len(once) {
			t.Fatalf("%v are not %v, each once", once, came)
		}
		all := append(once, offsetsIn(extra)...)
		slices.Sort(all)
		slices.Sort(came)
		if !slices.Equal(all, came) {
			t.Fatalf("%v packed and unpacked is %v", came, all)
		}
		if Count(runs)+Count(extra) != int64(len(came)) {
			t.Fatalf("%v counts %d", came, Count(runs)+Count(extra))
		}
	}
}

func TestRunCheck(t *testing.T) {
	for _, bad := range []Run{{-1, 0, []int64{1}}, {0, -1, []int64{1}}, {0, 0, nil}, {0, 0, []int64{1, 1}}, {0, 0, []int64{0}}, {0, 0, []int64{1, -1, 1}}, {0, 1 << 62, []int64{1 << 62, 1 << 62, 1}}} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken for good", bad)
		}
	}
}
