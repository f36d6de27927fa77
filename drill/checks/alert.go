package checks

import (
	"slices"
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/promcheck/window"
)

// episode is the alert from the stop on, as Prometheus stored it.
type episode struct {
	timing
	pending, firing []window.Sample
	seen            window.Transitions
	lookedTo        time.Time
	zero            time.Time // the stop call
	lines           []int
}

func episodeOf(f *drill.Facts) (e episode, missing string) {
	if e.timing, missing = timingOf(f); missing != "" {
		return e, missing
	}
	e.lines = slices.Clone(e.timing.lines)
	pending, firing := f.Alerts("pending"), f.Alerts("firing")
	e.lookedTo = firing.To
	if pending.To.Before(e.lookedTo) {
		e.lookedTo = pending.To
	}
	from := e.window.Pending(e.stop).Lo
	for _, s := range []*drill.SeriesFacts{pending, firing} {
		lines, covered := s.Covers(from, e.lookedTo)
		if !covered || e.lookedTo.Before(from) {
			return e, "ALERTS was not looked at all the while"
		}
		e.lines = append(e.lines, lines...)
	}
	end := e.lookedTo.Add(time.Second)
	ps, pl := pending.Between(from, end)
	fs, fl := firing.Between(from, end)
	e.lines = append(append(e.lines, pl...), fl...)
	e.pending, e.firing = samples(ps), samples(fs)
	e.seen = window.Observe(e.pending, e.firing, from, e.lookedTo, e.window)
	e.zero = e.stop.Lo.Add(e.err)
	return e, ""
}

// holes is where evaluations are missing inside a state that lasted.
func (e episode) hole(ss []window.Sample) (window.Span, bool) {
	if len(ss) == 0 {
		return window.Span{}, false
	}
	return window.Gap(ss, ss[0].At, ss[len(ss)-1].At, e.window.Group)
}

func alertOrder() drill.Check {
	return drill.Check{
		ID: "alert.order", About: "the alert goes inactive, pending, firing, inactive, and nothing else", Needs: []string{idStopped},
		Usual: "the target or its scrapes flapped, or the rule looks at more than the target",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("inactive, pending, firing, inactive")
			e, missing := episodeOf(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			r.uses(e.lines...)
			if len(e.firing) == 0 {
				return r.because(idFired, "because the alert did not fire")
			}
			first := e.firing[0].At
			late := slices.IndexFunc(e.pending, func(s window.Sample) bool { return !s.At.Before(first) })
			switch {
			case late >= 0:
				return r.fail("pending again", "the alert was pending again at %s, after it had fired", e.afterStop(e.pending[late].At))
			case e.window.For > 0 && len(e.pending) == 0:
				return r.fail("firing without pending", "the alert fired without having been pending, although it has to wait for %s", e.window.For)
			}
			for _, ss := range [][]window.Sample{e.pending, e.firing} {
				gap, there := e.hole(ss)
				switch {
				case there && e.upIn(f, gap):
					return r.fail("interrupted", "the alert went away at %s and came again at %s: the target was up in between", e.afterStop(gap.Lo), e.afterStop(gap.Hi))
				case there:
					return r.undecided("interrupted", "nothing is stored between %s and %s: either the alert was interrupted or evaluations were missed", e.afterStop(gap.Lo), e.afterStop(gap.Hi))
				}
			}
			if e.seen.Resolved.Lo.IsZero() {
				return r.because("alert.resolved_in_window", "because the alert was not seen to resolve")
			}
			return r.pass("pending %s, firing %s, inactive %s after the stop", e.at0(e.seen.Pending), e.at0(e.seen.Firing), e.at0(e.seen.Resolved))
		},
	}
}

// upIn: a scrape succeeded in the gap, or just before it.
func (e episode) upIn(f *drill.Facts, gap window.Span) bool {
	up, _ := f.Series("up").Between(gap.Lo.Add(-e.window.Scrape), gap.Hi)
	return slices.ContainsFunc(up, func(p drill.Point) bool { return p.Value == 1 })
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (e episode) at0(s window.Span) string {
	if s.Lo.IsZero() {
		return "never"
	}
	return since(e.zero, s.Lo)
}

func alertFired() drill.Check {
	return drill.Check{
		ID: idFired, About: "Prometheus itself says firing, inside the window that its own settings give", Needs: []string{idUpDown},
		Usual: "the outage was shorter than the alert needs, or the rule is not what it is thought to be",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("firing after the stop")
			e, missing := episodeOf(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			r.uses(e.lines...)
			w := e.window.Firing(e.stop)
			r.expected = "firing in " + within(w, e.zero) + " of the stop call"
			if !e.seen.Firing.Lo.IsZero() {
				return r.ruled(w, e.seen.Firing.Lo, e.zero, "the alert does not follow its own settings")
			}
			end := outageEnd(e.timing, f)
			if last := earlier(w.Hi, end).Add(e.window.Group); e.lookedTo.Before(last) {
				return r.undecided("not firing", "the alert was looked at only until %s of the stop call", e.afterStop(e.lookedTo))
			}
			up, lines := f.Series("up").Between(e.stop.Lo, end)
			r.uses(lines...)
			if gap, there := window.Gap(samples(up), e.stop.Hi, end, e.window.Scrape); there {
				return r.undecided("not firing", "no scrape was stored between %s and %s of the stop, so the alert may have been interrupted by Prometheus itself", e.afterStop(gap.Lo), e.afterStop(gap.Hi))
			}
			if gap, there := e.hole(e.pending); there {
				return r.undecided("not firing", "evaluations are missing between %s and %s of the stop", e.afterStop(gap.Lo), e.afterStop(gap.Hi))
			}
			outage := end.Sub(e.zero).Round(time.Millisecond)
			return r.fail("never fired", "the alert never fired: the outage lasted %s; %s", outage, e.window.Explain(outage))
		},
	}
}

func alertResolved() drill.Check {
	return drill.Check{
		ID: "alert.resolved_in_window", About: "the alert resolves inside its window after the target answered again", Needs: []string{idFired, idUpAgain},
		Usual: "the target flaps, or the alert is kept firing by another instance",
		Judge: func(_ drill.Spec, f *drill.Facts) drill.Finding {
			r := expect("inactive after the target answers again")
			e, missing := episodeOf(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			up, lines, missing := e.upAgain(f)
			if missing != "" {
				return r.missing("%s", missing)
			}
			r.uses(append(lines, e.lines...)...)
			zero := up.Lo.Add(e.err)
			w := e.window.Resolved(up)
			r.expected = "inactive in " + within(w, zero) + " of the start call"
			if gap, there := e.hole(e.firing); there {
				return r.undecided("not known", "evaluations are missing between %s and %s of the stop", e.afterStop(gap.Lo), e.afterStop(gap.Hi))
			}
			switch {
			case !e.seen.Resolved.Lo.IsZero():
				return r.ruled(w, e.seen.Resolved.Lo, zero, "the alert does not follow the target")
			case e.lookedTo.After(w.Hi.Add(2 * e.window.Group)):
				return r.fail("still firing", "the alert still fired at %s", since(zero, e.lookedTo))
			}
			return r.missing("the alert still fired when the journal ends, and its window was not over")
		},
	}
}
