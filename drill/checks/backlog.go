package checks

import "github.com/aetherlink/aether/drill"

func backlogComplete() drill.Check {
	return drill.Check{
		ID: idBacklog, About: "every event of the backlog is in the log, once, unaltered", Needs: []string{idStopped},
		Usual: "the broker was in trouble while the backlog was made; look there before blaming the service",
		Judge: func(s drill.Spec, f *drill.Facts) drill.Finding {
			n := int64(s.Backlog.Events)
			r := expect("%s in the log, once each, as written", plural(n, "event"))
			if f.Produced == nil || f.Owed == nil {
				return r.missing("the backlog was not made, or the log not read back")
			}
			r.uses(f.Produced.Line, f.Owed.Line)
			made, owed := f.Produced.V, f.Owed.V
			if owed.Error != "" {
				return r.undecided("not known", "the log could not be read back: %s", owed.Error)
			}
			d := owed.Drill
			there := drill.Count(d.Seqs)
			switch {
			case len(d.Again) > 0:
				return r.fail("written twice", "%s in the log more than once, although the producer is idempotent", plural(drill.Count(d.Again), "event"))
			case len(d.Altered) > 0:
				return r.fail("altered", "events %v are in the log with another content than they were written with", d.Altered[:min(len(d.Altered), named)])
			case int64(made.Asked) != n:
				return r.undecided("another number", "%d events were asked for", made.Asked)
			case there < n && int64(made.Acked) > there:
				return r.fail("acknowledged and gone", "%d were acknowledged and %d are in the log: the broker lost what it had acknowledged", made.Acked, there)
			case there < n:
				return r.undecided("incomplete", "%d of %d are in the log; %d were not acknowledged: %s", there, n, made.Indeterminate, made.Error)
			case !whole(d.Seqs, n):
				return r.undecided("other events", "the sequence numbers in the log are not 0 to %d", n-1)
			}
			return r.pass("%d of %d, once each, checksums right", there, n)
		},
	}
}

// whole: the runs are exactly [0, n).
func whole(seqs []drill.Run, n int64) bool {
	return len(seqs) == 1 && seqs[0].From == 0 && len(seqs[0].Len) == 1 && seqs[0].Len[0] == n
}
