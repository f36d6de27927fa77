package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/lipgloss"
	"golang.org/x/term"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/drill/live"
)

// progress tells a person how a drill goes: a live view on a terminal, a line
// for everything that happens elsewhere. Log lines go through it too, so that
// they do not tear the view. Safe for concurrent use.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	view  *view    // on a terminal
	said  said     // otherwise
	held  []string // log lines that came while the view was up
	quiet bool
	style style
}

// newProgress looks at what standard error is.
func (a *app) newProgress(info drill.RunInfo, quiet bool) *progress {
	p := &progress{out: a.err, quiet: quiet, style: newStyle(a.err)}
	f, ok := a.err.(*os.File)
	if ok && term.IsTerminal(int(f.Fd())) && !quiet {
		p.view = &view{info: info, width: func() int { w, _, _ := term.GetSize(int(f.Fd())); return w }}
	} else if !quiet {
		fmt.Fprintf(p.out, "drill %s\n", info.ID)
	}
	return p
}

// style is how words are set off; without colours where NO_COLOR is set or
// nothing can show them.
type style struct{ pass, fail, unsure, dim, bold lipgloss.Style }

func newStyle(w io.Writer) style {
	r := lipgloss.NewRenderer(w)
	colour := func(c string) lipgloss.Style { return r.NewStyle().Foreground(lipgloss.Color(c)) }
	return style{pass: colour("2"), fail: colour("1").Bold(true), unsure: colour("3"), dim: r.NewStyle().Faint(true), bold: r.NewStyle().Bold(true)}
}

func (s style) of(v drill.Verdict) lipgloss.Style {
	return map[drill.Verdict]lipgloss.Style{drill.Pass: s.pass, drill.Fail: s.fail, drill.Inconclusive: s.unsure}[v]
}

// Write takes log lines.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.view == nil {
		return p.out.Write(b)
	}
	const most = 50
	if p.held = append(p.held, string(b)); len(p.held) > most {
		p.held = p.held[1:]
	}
	return len(b), nil
}

// update shows how things stand.
func (p *progress) update(s live.Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.quiet:
	case p.view != nil:
		p.view.paint(p.out, p.style, s)
	default:
		p.said.lines(p.out, s)
	}
	if s.Final != nil && !p.quiet {
		p.summary(*s.Final)
	}
}

// close prints what was held back.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.held {
		fmt.Fprint(p.out, line)
	}
	p.held, p.view = nil, nil
}

// summary is the end: every check, and the verdict last, where the eye is.
func (p *progress) summary(r drill.Result) {
	fmt.Fprintln(p.out)
	for _, f := range r.Checks {
		p.check(f)
	}
	for _, x := range r.Refusals {
		fmt.Fprintf(p.out, "  %s %-26s %s\n", p.style.unsure.Render("!"), x.ID, allowed(x)+x.Reason)
	}
	for _, id := range r.Skipped {
		fmt.Fprintf(p.out, "  %s %-26s %s\n", p.style.dim.Render("-"), id, "skipped: the spec says so")
	}
	if len(r.Checks) > 0 {
		fmt.Fprintln(p.out)
	}
	word := strings.ToUpper(r.Verdict.String())
	if r.Outcome != drill.Completed {
		word += " (" + strings.ReplaceAll(string(r.Outcome), "_", " ") + ")"
	}
	fmt.Fprintf(p.out, "%s  %s\n", p.style.of(r.Verdict).Bold(true).Render(word), r.Reason)
}

func allowed(r drill.Refusal) string {
	if r.Allowed {
		return "allowed: "
	}
	return ""
}

func (p *progress) check(f drill.Finding) {
	text := f.Observed
	if f.Verdict != drill.Pass && f.Reason != "" {
		text = f.Reason
	}
	mark := p.style.of(f.Verdict).Render(markOf(f.Verdict))
	if f.Because != "" {
		mark, text = p.style.dim.Render("·"), p.style.dim.Render(text)
	}
	fmt.Fprintf(p.out, "  %s %-26s %s\n", mark, f.Check, text)
}

// said is what was said in lines.
type said struct {
	stages, ended   int
	up, alert, undo string
	stream          string
}

// lines says what is new.
func (w *said) lines(out io.Writer, s live.Snapshot) {
	say := func(format string, args ...any) {
		fmt.Fprintf(out, "%6.1fs  %s\n", s.Now.Sub(s.Started).Seconds(), fmt.Sprintf(format, args...))
	}
	for ; w.ended < len(s.Stages) && !s.Stages[w.ended].Finished.IsZero(); w.ended++ {
		w.begin(say, s, w.ended)
		if st := s.Stages[w.ended]; st.Reason != "" {
			say("%s: %s", st.Name, st.Reason)
		}
	}
	w.begin(say, s, len(s.Stages)-1)
	if s.Undo != w.undo {
		if w.undo = s.Undo; w.undo != "" {
			say("if this dies: %s", s.Undo)
		}
	}
	if s.Up != w.up {
		w.up = s.Up
		say("target is %s, says Prometheus", s.Up)
	}
	if s.Alert != w.alert {
		w.alert = s.Alert
		say("alert is %s", s.Alert)
	}
	if s.Stream != w.stream {
		w.stream = s.Stream
		say("stream is %s", s.Stream)
	}
}

func (w *said) begin(say func(string, ...any), s live.Snapshot, upTo int) {
	for ; w.stages <= upTo; w.stages++ {
		st := s.Stages[w.stages]
		if d := s.Expect[st.Name]; d > 0 {
			say("%s (about %s)", st.Name, d.Round(time.Second))
			continue
		}
		say("%s", st.Name)
	}
}
