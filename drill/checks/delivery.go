package checks

import (
	"time"

	"github.com/aetherlink/aether/drill"
)

func recoveryFirstEvent() drill.Check {
	return drill.Check{
		ID: idFirstEvent, About: "the first owed event is on the stream within the objective", Needs: []string{idRestarted},
		Usual: "the service waits for its group before it delivers, or clients cannot connect again",
		Judge: func(s drill.Spec, f *drill.Facts) drill.Finding {
			limit := s.Objectives.FirstEvent.D()
			r := expect("within %s of the start call", limit)
			start := f.Call(drill.OpStart)
			if start == nil || f.OwedCount() == 0 {
				return r.missing("it is not known what is owed")
			}
			r.uses(start.Line, f.Owed.Line)
			if first := f.FirstOwed(); first != nil {
				r.uses(first.Line)
				took := first.V.First.Sub(start.V.From).Round(time.Millisecond)
				if took > limit {
					return r.fail(took.String(), "it took %s", took)
				}
				return r.pass("after %s", took)
			}
			opened, tries := reopened(f, start.V.From)
			if tries != nil {
				r.uses(tries.Line)
			}
			switch {
			case opened:
				return r.because(idNoLoss, "because no owed event came, although the stream was open")
			case tries != nil && f.Last.Sub(start.V.From) > limit:
				return r.fail("no stream", "the stream did not open again in %d tries; the last one: %s", tries.V.Attempts, tries.V.Reason)
			}
			return r.missing("no owed event came, and the drill ended before the objective was over")
		},
	}
}

// reopened says whether the stream opened after an instant, and what is said of the
// tries that failed.
func reopened(f *drill.Facts, after time.Time) (opened bool, tries *drill.At[drill.Stream]) {
	for i, s := range f.Streams {
		if s.Time.Before(after) {
			continue
		}
		opened = opened || s.V.Open
		if s.V.Attempts > 0 {
			tries = &f.Streams[i]
		}
	}
	return opened, tries
}

// account is the ledger with what it stands on. The finding is set where it
// cannot be judged.
func (r *ruling) account(f *drill.Facts) (l drill.Ledger, undecided *drill.Finding) {
	give := func(x drill.Finding) (drill.Ledger, *drill.Finding) { return l, &x }
	if f.Owed == nil || f.Owed.V.Error != "" || f.OwedCount() == 0 {
		return give(r.missing("it is not known what is owed"))
	}
	l = f.Ledger()
	r.uses(f.Owed.Line)
	if first := f.FirstOwed(); first != nil {
		r.uses(first.Line)
	}
	if last := f.LastOwed(); last != nil {
		r.uses(last.Line)
	}
	if !l.Balanced() {
		return give(r.undecided("out of balance", "%d once + %d repeated + %d lost is not the %d owed", l.Once, l.Repeated, l.Lost, l.Owed))
	}
	if !ended(f, drill.StageDrain) {
		return give(r.missing("the drain did not come to its end"))
	}
	return l, nil
}

// ended: the stage came to its end, whether it reached its goal or gave up.
func ended(f *drill.Facts, stage string) bool {
	s, ok := f.Stage(stage)
	return ok && !s.Finished.IsZero() && s.Reason != "ended early"
}

func deliveryNoLoss() drill.Check {
	return drill.Check{
		ID: idNoLoss, About: "every owed event was delivered", Needs: []string{idRestarted},
		Usual: "the service resumes at the wrong place, or drops what it cannot encode; each lost event says where it was lost",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("0 lost")
			l, undecided := r.account(f)
			if undecided != nil {
				return *undecided
			}
			r.expected = plural(l.Owed, "event") + " delivered, 0 lost"
			opened, _ := reopened(f, f.Call(drill.OpStart).V.From)
			switch {
			case l.Lost == 0:
				return r.pass("%d of %d delivered", l.Once+l.Repeated, l.Owed)
			case l.Lost == l.Owed && !opened:
				return r.because(idFirstEvent, "because the stream did not open again")
			case f.Lost == nil || f.Lost.V.Error != "":
				return r.undecided(plural(l.Lost, "event")+" not seen", "%s not seen, and Kafka could not be asked where they are", plural(l.Lost, "event"))
			}
			r.uses(f.Lost.Line)
			return r.fail(plural(l.Lost, "event")+" lost", "%d of %d lost: %s", l.Lost, l.Owed, events(l, drill.KindLost))
		},
	}
}

func deliveryDuplicates() drill.Check {
	return drill.Check{
		ID: "delivery.duplicates", About: "no more deliveries of events that were delivered already than the objective allows", Needs: []string{idRestarted},
		Usual: "the service goes back to its last commit when it starts, or ignores where a client stood",
		Judge: func(s drill.Spec, f *drill.Facts) drill.Finding {
			allowed := int64(s.Objectives.Duplicates)
			r := expect("%d or fewer", allowed)
			l, undecided := r.delivered(f)
			if undecided != nil {
				return *undecided
			}
			n := l.Extra + l.Stale
			if n <= allowed {
				return r.pass("%s", plural(n, "duplicate"))
			}
			what := events(l, drill.KindRepeated)
			if l.Stale > 0 {
				what += plural(l.Stale, " event") + " from before the outage again"
			}
			return r.fail(plural(n, "duplicate"), "%s: %s", plural(n, "duplicate"), what)
		},
	}
}

// delivered is the account where anything was delivered at all.
func (r *ruling) delivered(f *drill.Facts) (drill.Ledger, *drill.Finding) {
	l, undecided := r.account(f)
	if undecided == nil && l.Once+l.Repeated == 0 {
		x := r.because(idNoLoss, "because nothing that is owed was delivered")
		undecided = &x
	}
	return l, undecided
}

func deliveryOrder() drill.Check {
	return drill.Check{
		ID: "delivery.order", About: "within a partition events arrive in the order of their offsets", Needs: []string{idRestarted},
		Usual: "the service reads a partition from more than one place at once",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("0 out of order")
			l, undecided := r.delivered(f)
			if undecided != nil {
				return *undecided
			}
			if l.OutOfOrder == 0 {
				return r.pass("%d deliveries in order", l.Once+l.Repeated+l.Extra)
			}
			return r.fail(plural(l.OutOfOrder, "event")+" out of order", "%s", events(l, drill.KindOutOfOrder))
		},
	}
}

func deliveryContent() drill.Check {
	return drill.Check{
		ID: "delivery.content", About: "key and value of every delivery are what the log has", Needs: []string{idRestarted},
		Usual: "the service re-encodes values, or frames that carry no partition and offset come between",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("every delivery compared, 0 differ")
			l, undecided := r.delivered(f)
			if undecided != nil {
				return *undecided
			}
			all := l.Once + l.Repeated + l.Extra
			switch {
			case l.Corrupt > 0:
				return r.fail(plural(l.Corrupt, "event")+" differ", "%s", events(l, drill.KindCorrupt))
			case l.Unreadable > 0:
				return r.fail(plural(l.Unreadable, "frame")+" unreadable", "%s could not be read as an event of the topic", plural(l.Unreadable, "frame"))
			case l.Checked != all:
				return r.undecided("not all compared", "%d of %d deliveries were compared", l.Checked, all)
			}
			return r.pass("%d compared, 0 differ", l.Checked)
		},
	}
}
