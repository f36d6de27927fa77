package checks

import (
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/promcheck/window"
)

func upDown() drill.Check {
	return drill.Check{
		ID: idUpDown, About: "the first failed scrape is inside its window after the stop call", Needs: []string{idStopped},
		Usual: "Prometheus scrapes something else, or another instance answers in the target's place",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("a failed scrape soon after the stop")
			t, missing := timingOf(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			r.uses(t.lines...)
			zero := t.stop.Lo.Add(t.err)
			w := t.window.DownSeen(t.stop)
			r.expected = "first failed scrape in " + within(w, zero) + " of the stop call"
			end := outageEnd(t, f)
			points, lines := f.Series("up").Between(w.Lo.Add(-2*t.window.Scrape), end)
			r.uses(lines...)
			bad, ok := window.FirstValue(samples(points), w.Lo, 0)
			if gap, there := window.Gap(samples(points), w.Lo.Add(-t.window.Scrape), until(ok, bad.At, end), t.window.Scrape); there {
				return r.undecided("not known", "no scrape was stored between %s and %s: Prometheus itself did not look", gap.Lo.Format(clock), gap.Hi.Format(clock))
			}
			switch {
			case !ok && end.Before(w.Hi):
				return r.undecided("no scrape failed", "the outage was shorter than the time between two scrapes, %s", t.window.Scrape)
			case !ok:
				return r.fail("no scrape failed", "%s succeeded while the target was down", plural(int64(len(points)), "scrape"))
			}
			return r.ruled(w, bad.At, zero, "Prometheus did not see the outage when it began")
		},
	}
}

const clock = "15:04:05.000"

func until(ok bool, at, end time.Time) time.Time {
	if ok {
		return at
	}
	return end
}

// outageEnd is when the start call was made, or the end of the journal.
func outageEnd(t timing, f *drill.Facts) time.Time {
	if start := f.Call(drill.OpStart); start != nil {
		return t.at(start.V.From)
	}
	return t.at(f.Last)
}

func upRecovered() drill.Check {
	return drill.Check{
		ID: idUpAgain, About: "the first good scrape is inside its window after the target answered again", Needs: []string{idRestarted, idUpDown},
		Usual: "the service answers its clients before its metrics, or Prometheus has lost the target",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("a good scrape soon after the target answers again")
			t, missing := timingOf(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			up, lines, missing := t.upAgain(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			r.uses(append(t.lines, lines...)...)
			zero := up.Lo.Add(t.err)
			w := t.window.UpSeen(up)
			r.expected = "first good scrape in " + within(w, zero) + " of the start call"
			s := f.Series("up")
			points, lines := s.Between(up.Lo.Add(-t.window.Scrape), t.at(f.Last).Add(time.Minute))
			r.uses(lines...)
			good, ok := window.FirstValue(samples(points), up.Lo, 1)
			if gap, there := window.Gap(samples(points), up.Lo, until(ok, good.At, s.To), t.window.Scrape); there {
				return r.undecided("not known", "no scrape was stored between %s and %s: Prometheus itself did not look", gap.Lo.Format(clock), gap.Hi.Format(clock))
			}
			switch {
			case !ok && s.To.After(w.Hi.Add(t.window.ScrapeTimeout)):
				return r.fail("no good scrape", "every scrape failed until %s", since(zero, s.To))
			case !ok:
				return r.missing("no good scrape, but the journal ends before one was due")
			}
			return r.ruled(w, good.At, zero, "the scrape did not follow the service")
		},
	}
}
