package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/drill/live"
)

// view is the live picture on a terminal. It is painted over itself.
type view struct {
	info    drill.RunInfo
	width   func() int
	painted int // lines of the last picture
}

func (v *view) paint(out io.Writer, st style, s live.Snapshot) {
	width := v.width()
	if width < 20 {
		width = 80
	}
	lines := v.picture(st, s)
	var b strings.Builder
	if v.painted > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", v.painted)
	}
	cut := lipgloss.NewStyle().MaxWidth(width).Inline(true)
	for _, l := range lines {
		b.WriteString("\r\x1b[2K" + cut.Render(l) + "\n")
	}
	b.WriteString("\x1b[J")
	v.painted = len(lines)
	_, _ = io.WriteString(out, b.String())
}

// picture is the view's lines: the stages, then what is being watched.
func (v *view) picture(st style, s live.Snapshot) []string {
	lines := []string{st.bold.Render("aether drill ") + v.info.ID + st.dim.Render("  "+clock(s.Now.Sub(s.Started)))}
	for i, name := range drill.Stages() {
		lines = append(lines, stageLine(st, s, i, name))
	}
	lines = append(lines, "", "  "+watched(st, s))
	if s.Undo != "" {
		lines = append(lines, st.dim.Render("  if this dies: ")+s.Undo)
	}
	return lines
}

func stageLine(st style, s live.Snapshot, i int, name string) string {
	if i >= len(s.Stages) {
		return st.dim.Render("  · " + name)
	}
	span := s.Stages[i]
	switch {
	case span.Finished.IsZero():
		line := "  " + st.bold.Render("▸ "+pad(name)) + clock(s.Now.Sub(span.Started))
		if d := s.Expect[name]; d > 0 {
			line += st.dim.Render(" of about " + d.Round(time.Second).String())
		}
		if s.Note != "" {
			line += st.dim.Render("  waiting for " + s.Note)
		}
		return line
	case span.Reason != "":
		return "  " + st.unsure.Render("! "+pad(name)) + clock(span.Finished.Sub(span.Started)) + "  " + span.Reason
	default:
		return "  " + st.pass.Render("✓ ") + pad(name) + st.dim.Render(clock(span.Finished.Sub(span.Started)))
	}
}

func pad(name string) string { return fmt.Sprintf("%-11s", name) }

func clock(d time.Duration) string { return fmt.Sprintf("%5.1fs", d.Seconds()) }

// watched is one line of what the witnesses see.
func watched(st style, s live.Snapshot) string {
	lag := "?"
	if s.Lag >= 0 {
		lag = fmt.Sprint(s.Lag)
	}
	parts := []string{
		"target " + orUnknown(s.Up), "stream " + orUnknown(s.Stream), "lag " + lag,
		fmt.Sprintf("events %d of %d", s.Seen, s.Owed), "alert " + orUnknown(s.Alert),
	}
	if left := s.FireBy.Sub(s.Now); s.Alert != "firing" && left > 0 && s.Up == "down" {
		parts[4] += fmt.Sprintf(", fires within %s", left.Round(time.Second))
	}
	return strings.Join(parts, st.dim.Render(" │ "))
}

func orUnknown(s string) string {
	if s == "" {
		return "?"
	}
	return s
}
