package drill

import "strconv"

func timesSeen(n uint8) string {
	if n >= many {
		return "seen " + strconv.Itoa(many) + " times or more"
	}
	return "seen " + strconv.Itoa(int(n)) + " times"
}

// cause says where a lost event was lost, from the second look at the log and
// the last commits.
func (f *Facts) cause(p int32, o int64) string {
	for _, g := range f.Gaps {
		if g.V.Partition == p && o >= g.V.From && o < g.V.To {
			return CauseSaid + ": " + g.V.Reason
		}
	}
	switch {
	case f.Lost == nil || f.Lost.V.Error != "":
		return CauseUnknown
	case holds(f.Lost.V.Expired, p, o):
		return CauseRetention
	case holds(f.Lost.V.Missing, p, o):
		return CauseBroker
	case !holds(f.Lost.V.InLog, p, o):
		return CauseUnknown
	}
	last := f.LastOffsets()
	switch {
	case last == nil || int(p) >= len(last.V.Committed):
		return CauseUnknown
	case o < last.V.Committed[p]:
		return CauseBridge
	default:
		return CauseUndrained
	}
}

func holds(runs []Run, p int32, o int64) bool {
	for _, r := range runs {
		if r.Partition != p {
			continue
		}
		for from, to := range r.Spans() {
			if o >= from && o < to {
				return true
			}
		}
	}
	return false
}
