package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/aetherlink/aether/drill"
)

// alert is the transitions as Prometheus stored them.
func (m *markdown) alert() {
	rule := m.Facts.Rule()
	m.section("The alert")
	if rule == nil {
		m.line("Not measured: the rule was not read.")
		return
	}
	v := rule.V
	m.line("`%s`: `%s`, for %s, evaluated every %s, target scraped every %s (timeout %s); Prometheus %s.\n",
		v.Name, strings.ReplaceAll(v.Expr, "`", "'"), v.For, v.Interval, v.Scrape, v.ScrapeTimeout, v.Server)
	windows := map[string]drill.Finding{}
	for _, c := range m.Result.Checks {
		windows[c.Check] = c
	}
	m.table("transition", "check", "window", "seen")
	for _, t := range []struct{ what, check string }{
		{"scrape fails", "up.down"}, {"order", "alert.order"}, {"firing", "alert.fired_in_window"},
		{"scrape succeeds", "up.recovered"}, {"resolved", "alert.resolved_in_window"},
	} {
		c, judged := windows[t.check]
		if !judged {
			m.row(t.what, "`"+t.check+"`", "not judged", "not judged")
			continue
		}
		m.row(t.what, "`"+t.check+"`", c.Expected, c.Observed)
	}
}

// rates is how fast things went.
func (m *markdown) rates() {
	m.section("Rates")
	m.table("what", "measured")
	m.row("backlog produced", m.produced())
	m.row("outage, stop call to start call", m.outage())
	m.row("start call to stream open", m.connected())
	m.row("start call to first owed event", m.firstEvent())
	m.row("drain: first to last owed event", m.drained())
}

const unmeasured = "not measured"

func (m *markdown) produced() string {
	p := m.Facts.Produced
	if p == nil {
		return unmeasured
	}
	d := p.V.To.Sub(p.V.From)
	return fmt.Sprintf("%s acknowledged of %s in %s%s; %s indeterminate", number(int64(p.V.Acked)), number(int64(p.V.Asked)), took(d), rate(int64(p.V.Acked), d), number(int64(p.V.Indeterminate)))
}

func rate(n int64, d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return fmt.Sprintf(" (%s events/s)", number(int64(float64(n)/d.Seconds())))
}

func (m *markdown) outage() string {
	stop, start := m.Facts.Call(drill.OpStop), m.Facts.Call(drill.OpStart)
	if stop == nil || start == nil {
		return unmeasured
	}
	return took(start.V.From.Sub(stop.V.From))
}

func (m *markdown) connected() string {
	start := m.Facts.Call(drill.OpStart)
	for _, s := range m.Facts.Streams {
		if start != nil && s.V.Open && s.Time.After(start.V.From) {
			return fmt.Sprintf("%s, after %d tries that failed", took(s.Time.Sub(start.V.From)), s.V.Attempts)
		}
	}
	return unmeasured
}

func (m *markdown) firstEvent() string {
	start, first := m.Facts.Call(drill.OpStart), m.Facts.FirstOwed()
	if start == nil || first == nil {
		return unmeasured
	}
	return took(first.V.First.Sub(start.V.From))
}

func (m *markdown) drained() string {
	first, last := m.Facts.FirstOwed(), m.Facts.LastOwed()
	if first == nil || last == nil {
		return unmeasured
	}
	d := last.V.Last.Sub(first.V.First)
	return fmt.Sprintf("%s events in %s%s", number(m.Facts.SeenOwed()), took(d), rate(m.Facts.SeenOwed(), d))
}

// setting is who drilled what, where, and how far the clocks can be trusted.
func (m *markdown) setting() {
	d := m.Result.Drill
	m.section("Setting")
	m.table("", "")
	m.row("drill", d.ID)
	m.row("began, ended (UTC)", d.Started.UTC().Format("2006-01-02 15:04:05")+", "+d.Finished.UTC().Format("2006-01-02 15:04:05")+" ("+took(d.Finished.Sub(d.Started))+")")
	m.row("world", d.World)
	m.row("operator, host", d.Operator+", "+d.Host)
	m.row("aether", d.Version)
	if m.Facts.Run != nil {
		m.row("platform", m.Facts.Run.V.Platform)
	}
	s := m.Result.Spec
	m.row("topic, group", s.Kafka.Topic+", "+s.Kafka.Group)
	if t := m.Facts.TargetBefore(); t != nil {
		m.row("target", t.V.ID+" "+t.V.Image)
	}
	for _, of := range []string{"prometheus", "docker", "broker"} {
		c, read := m.Facts.ClockOf(of)
		if !read {
			m.row("clock of "+of, unmeasured)
			continue
		}
		m.row("clock of "+of, fmt.Sprintf("%s against the runner's, ±%s", c.V.Offset, c.V.Error))
	}
	m.row("journal", fmt.Sprintf("%d lines, sha256 %s", m.Result.Journal.Lines, m.Result.Journal.SHA256))
}

// left is what the verdict does not speak of.
func (m *markdown) left() {
	m.section("What this does not show")
	if len(m.Result.Skipped)+len(m.Result.NotApplicable)+len(m.Facts.Blind) == 0 {
		m.line("Nothing was skipped, nothing was not applicable, and no witness was blind at any time.")
	}
	for _, id := range m.Result.Skipped {
		m.line("* `%s`: skipped by the spec", cell(id))
	}
	for _, n := range m.Result.NotApplicable {
		m.line("* `%s`: not applicable, %s", cell(n.Check), cell(n.Reason))
	}
	for _, b := range m.Facts.Blind {
		m.line("* the %s witness could not look from %s to %s: %s", b.V.Witness, clock(b.V.From), clock(b.V.To), cell(b.V.Reason))
	}
	for _, x := range m.Facts.Failures {
		m.line("* %s: %s", x.V.Stage, cell(x.V.Reason))
	}
	for _, s := range m.Result.Stages {
		if s.Reason != "" {
			m.line("* stage %s: %s", s.Name, cell(s.Reason))
		}
	}
}

func (m *markdown) repeat() {
	m.section("How to repeat it")
	command := "aether drill run SPEC"
	if m.Result.Drill.World == "embedded" {
		command = "aether drill run"
	}
	m.line("`%s` with aether %s. The spec, as it was in force:\n", command, m.Result.Drill.Version)
	spec, err := specYAML(m.Result.Spec)
	if err != nil {
		m.line("(it could not be written: %s)", cell(err.Error()))
		return
	}
	m.line("<details><summary>spec</summary>\n\n```yaml\n%s```\n\n</details>", spec)
}
