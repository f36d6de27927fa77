package reports

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aetherlink/aether/drill"
)

// MaxMarkdown is the most characters that a report has: the body of a pull
// request ends at 65,536.
const MaxMarkdown = 60_000

// Input is what a report is made of.
type Input struct {
	Result drill.Result
	Facts  *drill.Facts
	Checks []drill.Check // for what a check is about and what red usually means
}

// Markdown writes the report, at most MaxMarkdown characters of it. The first
// three lines have the verdict and the reason.
func Markdown(w io.Writer, in Input) error {
	m := &markdown{Input: in}
	for _, section := range []func(){
		m.head, m.refusals, m.timeline, m.checks, m.ledger, m.lag, m.alert, m.rates, m.setting, m.left, m.repeat,
	} {
		section()
	}
	text := m.buf.Bytes()
	if runes := bytes.Runes(text); len(runes) > MaxMarkdown {
		const cut = "\n\n*The report is cut here; `result.json` and `journal.jsonl` have the rest.*\n"
		text = []byte(string(runes[:MaxMarkdown-len(cut)]) + cut)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

type markdown struct {
	Input
	buf bytes.Buffer
}

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(&m.buf, format+"\n", args...) }

func (m *markdown) section(title string) { m.line("\n## %s\n", title) }

// row writes a table row; cells are escaped.
func (m *markdown) row(cells ...string) {
	for i, c := range cells {
		cells[i] = cell(c)
	}
	m.line("| %s |", strings.Join(cells, " | "))
}

func (m *markdown) table(head ...string) {
	m.line("| %s |", strings.Join(head, " | "))
	m.line("|%s", strings.Repeat(" --- |", len(head)))
}

// maxCell keeps one long message from pushing out the rest of a report.
const maxCell = 400

// cell makes text safe inside a table: one line, no column separators, no HTML.
func cell(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxCell {
		s = string(r[:maxCell-1]) + "…"
	}
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;").Replace(s)
}

// sign is what a reader sees first.
func sign(v drill.Verdict) string {
	switch v {
	case drill.Pass:
		return "✅"
	case drill.Fail:
		return "❌"
	default:
		return "❔"
	}
}

func (m *markdown) head() {
	r := m.Result
	m.line("# %s %s: %s", sign(r.Verdict), cell(r.Drill.Name), strings.ToUpper(r.Verdict.String()))
	m.line("")
	m.line("**%s** — %s  ", m.claim(), cell(r.Reason))
	m.line("%s", m.counts())
	for _, note := range m.notes() {
		m.line("\n> %s", cell(note))
	}
}

func (m *markdown) claim() string {
	switch {
	case m.Result.Outcome == drill.Refused:
		return "Refused; the target was not touched"
	case m.Result.Outcome == drill.NotRestored:
		return "THE TARGET WAS NOT PUT BACK"
	case m.Result.Outcome == drill.Interrupt:
		return "Interrupted; the target was put back"
	case m.Result.Verdict == drill.Pass:
		return "Passed"
	case m.Result.Verdict == drill.Fail:
		return "Failed"
	default:
		return "Inconclusive, which is not a pass"
	}
}

// counts is the verdict in numbers, one line.
func (m *markdown) counts() string {
	by := map[drill.Verdict]int{}
	for _, c := range m.Result.Checks {
		by[c.Verdict]++
	}
	l := m.Result.Ledger
	text := fmt.Sprintf("%d checks passed, %d failed, %d inconclusive; %d not applicable, %d skipped.",
		by[drill.Pass], by[drill.Fail], by[drill.Inconclusive], len(m.Result.NotApplicable), len(m.Result.Skipped))
	if l.Owed > 0 {
		text += fmt.Sprintf(" Of %s owed events %s arrived once, %s more than once, %s never.", number(l.Owed), number(l.Once), number(l.Repeated), number(l.Lost))
	}
	return text
}

func (m *markdown) notes() (notes []string) {
	if m.Facts.Run != nil {
		notes = append(notes, m.Facts.Run.V.Notes...)
	}
	if n := len(m.Result.Skipped); n > 0 {
		notes = append(notes, "Skipped by the spec, so not part of the verdict: "+strings.Join(m.Result.Skipped, ", "))
	}
	for _, x := range m.Result.Refusals {
		if x.Allowed {
			notes = append(notes, "Overridden by the operator (--allow "+x.ID+"): "+x.Reason)
		}
	}
	return notes
}

func (m *markdown) refusals() {
	if m.Result.Outcome != drill.Refused {
		return
	}
	m.section("Why it was refused")
	m.table("reason", "what was found")
	for _, x := range m.Result.Refusals {
		if !x.Allowed {
			m.row("`"+x.ID+"`", x.Reason)
		}
	}
}

func (m *markdown) checks() {
	if len(m.Result.Checks) == 0 {
		return
	}
	usual := map[string]string{}
	for _, c := range m.Checks {
		usual[c.ID] = c.Usual
	}
	m.section("Checks")
	m.table("", "check", "expected", "observed", "evidence")
	for _, c := range m.Result.Checks {
		m.row(sign(c.Verdict), "`"+c.Check+"`", c.Expected, join(c.Observed, c.Reason), evidence(c.Evidence))
	}
	m.line("\nEvidence is line numbers of `journal.jsonl`.")
	for _, c := range m.Result.Checks {
		if c.Verdict == drill.Fail && usual[c.Check] != "" {
			m.line("\n**`%s`** is red. It usually means: %s", c.Check, usual[c.Check])
		}
	}
}

func join(observed, reason string) string {
	switch {
	case reason == "" || reason == observed:
		return observed
	case observed == "":
		return reason
	default:
		return observed + " — " + reason
	}
}

// maxEvidence is how many line numbers a table shows; result.json has them all.
const maxEvidence = 6

func evidence(lines []int) string {
	if len(lines) == 0 {
		return "none"
	}
	var parts []string
	for i, n := range lines {
		if i == maxEvidence {
			parts = append(parts, fmt.Sprintf("and %d more", len(lines)-i))
			break
		}
		parts = append(parts, fmt.Sprint(n))
	}
	return strings.Join(parts, ", ")
}

// maxExceptions is how many events a report names; result.json has them all.
const maxExceptions = 40

func (m *markdown) ledger() {
	l := m.Result.Ledger
	m.section("Ledger")
	if l.Owed == 0 {
		m.line("Not measured: the drill ended before it was known what is owed.")
		return
	}
	m.table("owed", "once", "repeated", "lost", "wrong content", "out of order", "compared")
	m.row(number(l.Owed), number(l.Once), number(l.Repeated), number(l.Lost), number(l.Corrupt), number(l.OutOfOrder), number(l.Checked))
	balance := "does **not** balance"
	if l.Balanced() {
		balance = "balances"
	}
	m.line("\nOnce + repeated + lost = %s; the account %s.", number(l.Once+l.Repeated+l.Lost), balance)
	if o := m.Facts.Owed; o != nil {
		m.line("Owed is every record of the topic in the drill's range, read back from the log: %s of the drill, %s of others.",
			number(drill.Count(o.V.Drill.Offsets)), number(o.V.Other))
	}
	if l.Stale > 0 {
		m.line("\n%s deliveries repeated events from before the outage.", number(l.Stale))
	}
	if len(l.Exceptions) == 0 {
		return
	}
	m.line("")
	m.table("what", "event", "cause")
	for i, x := range l.Exceptions {
		if i == maxExceptions {
			m.line("\nAnd %d more in `result.json`.", len(l.Exceptions)-i)
			break
		}
		m.row(strings.ReplaceAll(x.Kind, "_", " "), x.String(), x.Cause)
	}
}

// number groups digits: 1,000,000.
func number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return t.UTC().Format("15:04:05.000")
}

func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}
