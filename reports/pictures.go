package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/aetherlink/aether/drill"
)

// timeline is a mermaid chart, which GitHub draws.
func (m *markdown) timeline() {
	if len(m.Result.Stages) == 0 {
		return
	}
	m.section("Timeline")
	m.line("```mermaid\ngantt\n    dateFormat x\n    axisFormat %%H:%%M:%%S\n    todayMarker off\n    section stages")
	for _, s := range m.Result.Stages {
		end := s.Finished
		if end.IsZero() {
			end = m.Facts.Last
		}
		tag := "done, "
		if s.Reason != "" {
			tag = "crit, "
		}
		m.bar(fmt.Sprintf("%s %s", s.Name, took(end.Sub(s.Started))), tag, s.Started, end)
	}
	m.line("    section target")
	if stop, start := m.Facts.Call(drill.OpStop), m.Facts.Call(drill.OpStart); stop != nil {
		end := m.Facts.Last
		if start != nil {
			end = start.V.To
		}
		m.bar("down "+took(end.Sub(stop.V.From)), "crit, ", stop.V.From, end)
	}
	m.alertBars()
	m.streamBars()
	m.line("```")
	m.line("\nTimes are UTC, of the runner's clock; those of the alert are Prometheus's own, put on it.")
}

// bar is one stretch; mermaid reads a colon as a separator.
func (m *markdown) bar(name, tag string, from, to time.Time) {
	if to.Before(from.Add(time.Millisecond)) {
		to = from.Add(time.Millisecond)
	}
	m.line("    %s :%s%d, %d", strings.NewReplacer(":", " ", ";", " ", "#", " ").Replace(name), tag, from.UnixMilli(), to.UnixMilli())
}

func (m *markdown) alertBars() {
	rule := m.Facts.Rule()
	if rule == nil {
		return
	}
	shift := m.promOffset()
	first := true
	for _, state := range []string{"pending", "firing"} {
		points := m.Facts.Alerts(state).Points
		if len(points) == 0 {
			continue
		}
		if first {
			m.line("    section alert")
			first = false
		}
		from, to := points[0].At.Add(-shift), points[len(points)-1].At.Add(rule.V.Interval.D()-shift)
		tag := "active, "
		if state == "firing" {
			tag = "crit, "
		}
		m.bar(fmt.Sprintf("%s %s", state, took(to.Sub(from))), tag, from, to)
	}
}

func (m *markdown) streamBars() {
	var open time.Time
	head := false
	for _, s := range m.Facts.Streams {
		switch {
		case s.V.Open:
			open = s.Time
		case !open.IsZero():
			if !head {
				m.line("    section stream")
				head = true
			}
			m.bar(fmt.Sprintf("connection %d", s.V.Conn), "", open, s.Time)
			open = time.Time{}
		}
	}
}

func (m *markdown) promOffset() time.Duration {
	c, _ := m.Facts.ClockOf("prometheus")
	return c.V.Offset.D()
}

// maxPoints keeps a chart readable.
const maxPoints = 40

// lag is committed lag over time, from the drill's own look at Kafka.
func (m *markdown) lag() {
	m.section("Lag over time")
	type at struct {
		t   time.Time
		lag int64
	}
	var all []at
	for _, o := range m.Facts.Offsets {
		if lag, ok := totalLag(o.V); ok {
			all = append(all, at{o.V.Answered, lag})
		}
	}
	if len(all) < 2 {
		m.line("Not measured: Kafka was looked at %d times.", len(all))
		return
	}
	peak, begin := int64(0), all[0].t
	span := all[len(all)-1].t.Sub(begin)
	worst := make([]int64, maxPoints) // of each slot, so that no peak is left out
	filled := make([]bool, maxPoints)
	for _, p := range all {
		i := min(int(float64(p.t.Sub(begin))/float64(span)*maxPoints), maxPoints-1)
		worst[i], filled[i] = max(worst[i], p.lag), true
		peak = max(peak, p.lag)
	}
	var ys []string
	for i, y := range worst {
		if !filled[i] && i > 0 { // no look fell into the slot: as before
			worst[i], y = worst[i-1], worst[i-1]
		}
		ys = append(ys, fmt.Sprint(y))
	}
	m.line("```mermaid\nxychart-beta\n    x-axis \"seconds since %s\" 0 --> %d\n    y-axis \"events not committed\" 0 --> %d\n    line [%s]\n```",
		strings.ReplaceAll(clock(begin), ":", "."), max(int(span.Seconds()), 1), max(peak, 1), strings.Join(ys, ", "))
	m.line("\nPeak %s. %s looks at Kafka; each point is the most of its stretch.", number(peak), number(int64(len(all))))
}

func totalLag(o drill.Offsets) (sum int64, ok bool) {
	for p, end := range o.End {
		if p >= len(o.Committed) || o.Committed[p] < 0 {
			return 0, false
		}
		sum += max(end-o.Committed[p], 0)
	}
	return sum, len(o.End) > 0
}
