package drill

import "fmt"

// Causes of a loss, and kinds of exception. They are API.
const (
	KindLost       = "lost"
	KindRepeated   = "repeated"
	KindCorrupt    = "corrupt"
	KindOutOfOrder = "out_of_order"

	CauseBroker    = "not in Kafka any more: the broker lost it"
	CauseBridge    = "in Kafka and below the commit: the bridge lost it"
	CauseUndrained = "in Kafka and above the commit: not drained yet"
	CauseRetention = "deleted by retention before it was read"
	CauseSaid      = "said by the service in a gap event"
	CauseUnknown   = "the log was not looked at again"
)

// Ledger is the account of every owed event.
type Ledger struct {
	Owed       int64       `json:"owed"`
	Once       int64       `json:"once"`
	Repeated   int64       `json:"repeated"` // events seen more than once
	Extra      int64       `json:"extra"`    // deliveries beyond the first
	Stale      int64       `json:"stale"`    // deliveries of events from before the resume point
	Lost       int64       `json:"lost"`
	Corrupt    int64       `json:"corrupt"`
	OutOfOrder int64       `json:"out_of_order"`
	Unreadable int64       `json:"unreadable"`
	Checked    int64       `json:"checked"` // deliveries whose content was compared
	Exceptions []Exception `json:"exceptions"`
}

// Exception is one event that was not delivered once, in order, as written.
type Exception struct {
	Kind      string `json:"kind"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Seq       *int64 `json:"seq,omitempty"` // of a drill event
	Cause     string `json:"cause"`
}

// Balanced: every owed event is either seen once, seen more often, or lost.
func (l Ledger) Balanced() bool { return l.Owed > 0 && l.Owed == l.Once+l.Repeated+l.Lost }

func (e Exception) String() string {
	s := fmt.Sprintf("partition %d offset %d", e.Partition, e.Offset)
	if e.Seq != nil {
		s += fmt.Sprintf(" (seq %d)", *e.Seq)
	}
	return s
}

// account counts deliveries of the owed offsets of one partition. One byte an
// event: notOwed, else how often it was seen, up to many.
type account struct {
	from  int64
	times []uint8
}

const (
	notOwed = 255
	many    = 254
)

func newAccount(from, to int64) account {
	a := account{from: from, times: make([]uint8, max(to-from, 0))}
	for i := range a.times {
		a.times[i] = notOwed
	}
	return a
}

func (a *account) slice(from, to int64) []uint8 {
	from, to = max(from, a.from), min(to, a.from+int64(len(a.times)))
	if from >= to {
		return nil
	}
	return a.times[from-a.from : to-a.from]
}

// owe marks [from, to) as owed and returns how many that are.
func (a *account) owe(from, to int64) int64 {
	part := a.slice(from, to)
	clear(part)
	return int64(len(part))
}

// see counts a delivery of each of [from, to); it returns how many of the owed
// ones were seen for the first time.
func (a *account) see(from, to int64) (fresh int64) {
	part := a.slice(from, to)
	for i, n := range part {
		switch {
		case n == notOwed || n == many:
			continue
		case n == 0:
			fresh++
		}
		part[i]++
	}
	return fresh
}
