package drill

import "sort"

// owe opens the account: everything that was read back is owed.
func (f *Facts) owe(r Record) {
	v := at(r, r.Owed)
	f.Owed = &v
	f.accounts, f.owed, f.seenOwed, f.arrival = nil, 0, 0, nil
	for p := range v.V.To {
		if p < len(v.V.From) {
			f.accounts = append(f.accounts, newAccount(v.V.From[p], v.V.To[p]))
		}
	}
	for _, run := range v.V.Runs {
		for from, to := range run.Spans() {
			if a := f.account(run.Partition); a != nil {
				f.owed += a.owe(from, to)
			}
		}
	}
	for _, s := range f.Seen { // what came before it was known to be owed
		f.credit(s)
	}
}

func (f *Facts) account(p int32) *account {
	if p < 0 || int(p) >= len(f.accounts) {
		return nil
	}
	return &f.accounts[p]
}

func (f *Facts) see(r Record) {
	v := at(r, r.Seen)
	f.Seen = append(f.Seen, v)
	for _, run := range v.V.Runs {
		for _, to := range run.Spans() {
			f.advance(run.Partition, to)
		}
	}
	f.credit(v)
}

// maxPartitions bounds what a journal read from outside can make the fold hold.
const maxPartitions = 1 << 16

func (f *Facts) advance(p int32, to int64) {
	if p < 0 || p >= maxPartitions {
		return
	}
	for int(p) >= len(f.heads) {
		f.heads = append(f.heads, 0)
	}
	f.heads[p] = max(f.heads[p], to)
}

func (f *Facts) credit(s At[Seen]) {
	before := f.seenOwed
	for _, runs := range [][]Run{s.V.Runs, s.V.Again} {
		for _, run := range runs {
			a := f.account(run.Partition)
			if a == nil {
				continue
			}
			for from, to := range run.Spans() {
				f.seenOwed += a.see(from, to)
			}
		}
	}
	if f.seenOwed > before {
		f.lastOwed = &s
	}
	if f.arrival == nil && f.seenOwed > 0 {
		f.arrival = &s
	}
}

// Missing is every owed event that was not seen, as runs.
func (f *Facts) Missing() (runs []Run) {
	for p, a := range f.accounts {
		var offsets []int64
		for i, n := range a.times {
			if n == 0 {
				offsets = append(offsets, a.from+int64(i))
			}
		}
		missing, _ := RunsOf(int32(p), offsets)
		runs = append(runs, missing...)
	}
	return runs
}

// Ledger is the account as it stands.
func (f *Facts) Ledger() Ledger {
	l := Ledger{Owed: f.owed, Exceptions: []Exception{}}
	for p := range f.accounts {
		f.balance(&l, int32(p))
	}
	for _, s := range f.Seen {
		if f.Owed != nil && s.Line > f.Owed.Line {
			l.Checked += s.V.Checked
			l.Unreadable += s.V.Unreadable.Count
			l.Stale += f.stale(s.V)
		}
		l.Corrupt += f.odd(&l, KindCorrupt, s.V.Corrupt)
		l.OutOfOrder += f.odd(&l, KindOutOfOrder, s.V.Misordered)
	}
	sort.SliceStable(l.Exceptions, func(i, j int) bool {
		a, b := l.Exceptions[i], l.Exceptions[j]
		if a.Kind != b.Kind {
			return a.Kind < b.Kind
		}
		if a.Partition != b.Partition {
			return a.Partition < b.Partition
		}
		return a.Offset < b.Offset
	})
	return l
}

func (f *Facts) balance(l *Ledger, p int32) {
	a := f.accounts[p]
	lost, repeated := 0, 0
	for i, n := range a.times {
		o := a.from + int64(i)
		switch n {
		case notOwed:
		case 0:
			l.Lost++
			if lost++; lost <= MaxOddities {
				l.Exceptions = append(l.Exceptions, Exception{Kind: KindLost, Partition: p, Offset: o, Seq: f.seq(p, o), Cause: f.cause(p, o)})
			}
		case 1:
			l.Once++
		default:
			l.Repeated++
			l.Extra += int64(n) - 1
			if repeated++; repeated <= MaxOddities {
				l.Exceptions = append(l.Exceptions, Exception{Kind: KindRepeated, Partition: p, Offset: o, Seq: f.seq(p, o), Cause: timesSeen(n)})
			}
		}
	}
}

// odd adds the oddities of one kind; it counts those of owed events, and all
// that were too many to be listed.
func (f *Facts) odd(l *Ledger, kind string, o Oddities) (n int64) {
	for _, x := range o.First {
		a := f.account(x.Partition)
		if a == nil {
			continue
		}
		if at := a.slice(x.Offset, x.Offset+1); len(at) == 1 && at[0] != notOwed {
			n++
			l.Exceptions = append(l.Exceptions, Exception{Kind: kind, Partition: x.Partition, Offset: x.Offset, Seq: f.seq(x.Partition, x.Offset), Cause: x.Note})
		}
	}
	return n + o.Count - int64(len(o.First))
}

// stale counts deliveries of events from before the resume point: they had been
// delivered when the outage began.
func (f *Facts) stale(s Seen) (n int64) {
	for _, runs := range [][]Run{s.Runs, s.Again} {
		for _, run := range runs {
			if a := f.account(run.Partition); a != nil {
				for from, to := range run.Spans() {
					n += max(min(to, a.from)-from, 0)
				}
			}
		}
	}
	return n
}

// seq is the number of the drill event at an offset, nil where it is not the
// drill's or cannot be told.
func (f *Facts) seq(p int32, o int64) *int64 {
	if !f.Owed.V.Drill.Regular {
		return nil
	}
	rank := int64(0)
	for _, run := range f.Owed.V.Drill.Offsets {
		if run.Partition != p {
			continue
		}
		for from, to := range run.Spans() {
			if o >= from && o < to {
				n := int64(p) + (rank+o-from)*int64(len(f.Owed.V.To))
				return &n
			}
			rank += to - from
		}
	}
	return nil
}
