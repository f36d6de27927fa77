package reports

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aetherlink/aether/drill"
)

var update = flag.Bool("update", false, "write the golden files again")

var began = time.Date(2026, 11, 23, 10, 50, 0, 0, time.UTC)

// journal numbers and stamps records a second apart.
func journal(t *testing.T, records ...drill.Record) *drill.Facts {
	t.Helper()
	for i := range records {
		records[i].N, records[i].At = i+1, began.Add(time.Duration(i)*time.Second)
	}
	f, err := drill.Fold(records)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func spec(t *testing.T) drill.Spec {
	t.Helper()
	s, err := drill.LoadSpec([]byte("version: 1\nembedded: {}\nbacklog: {events: 4}\n"), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func runInfo(t *testing.T) *drill.RunInfo {
	return &drill.RunInfo{
		Schema: drill.Schema, ID: "20261123T105000Z-rehearsal-0001", Version: "v0.1.0", Host: "host-1", Operator: "ada", Platform: "linux/amd64, 2 processors",
		World: "embedded", Notes: []string{"Rehearsal: the rule's for is 10s here, 2m in the file."}, Spec: spec(t),
	}
}

func mark(name string, done bool, reason string) drill.Record {
	return drill.Record{Stage: &drill.StageMark{Name: name, Done: done, Reason: reason}}
}

func call(op string, at int) drill.Record {
	t := began.Add(time.Duration(at) * time.Second)
	return drill.Record{Call: &drill.Call{Op: op, From: t, To: t.Add(100 * time.Millisecond)}}
}

func offsets(at int, end, committed int64) drill.Record {
	t := began.Add(time.Duration(at) * time.Second)
	return drill.Record{Offsets: &drill.Offsets{Asked: t, Answered: t.Add(time.Millisecond), Start: []int64{0}, End: []int64{end}, Committed: []int64{committed}, Members: 1}}
}

func points(ats ...int) (ps []drill.Point) {
	for _, at := range ats {
		ps = append(ps, drill.Point{At: began.Add(time.Duration(at) * time.Second), Value: 1})
	}
	return ps
}

// drilled is a drill in which one event of four was lost and one came twice.
func drilled(t *testing.T) *drill.Facts {
	window := func(state string, ats ...int) drill.Record {
		return drill.Record{Series: &drill.Series{Name: "ALERTS", Labels: map[string]string{"alertstate": state}, From: began, To: began.Add(30 * time.Second), Points: points(ats...)}}
	}
	return journal(t,
		drill.Record{Run: runInfo(t)},
		mark(drill.StagePreflight, false, ""), mark(drill.StagePreflight, true, ""),
		drill.Record{Rule: &drill.Rule{Name: "CrmEventsServiceDown", Expr: `up{job="crm-events"} == 0`, Interval: drill.Duration(time.Second), For: drill.Duration(10 * time.Second), Scrape: drill.Duration(time.Second), ScrapeTimeout: drill.Duration(time.Second), Server: "3.15.0", State: "inactive", Health: "ok"}},
		drill.Record{Clock: &drill.Clock{Of: "prometheus", Offset: drill.Duration(time.Millisecond), Error: drill.Duration(2 * time.Millisecond)}},
		drill.Record{Stream: &drill.Stream{Conn: 1, Open: true}},
		offsets(6, 10, 10),
		call(drill.OpStop, 7),
		drill.Record{Stream: &drill.Stream{Conn: 1, Reason: "EOF"}},
		drill.Record{Produced: &drill.Produced{Asked: 4, Acked: 4, From: began.Add(9 * time.Second), To: began.Add(10 * time.Second)}},
		drill.Record{Owed: &drill.Owed{From: []int64{10}, To: []int64{14}, Runs: []drill.Run{{From: 10, Len: []int64{4}}}, Drill: drill.Drill{Regular: true, Offsets: []drill.Run{{From: 10, Len: []int64{4}}}, Seqs: []drill.Run{{From: 0, Len: []int64{4}}}}}},
		offsets(11, 14, 10),
		window("pending", 12, 13), window("firing", 14, 15),
		call(drill.OpStart, 15),
		drill.Record{Stream: &drill.Stream{Conn: 2, Open: true, Attempts: 3}},
		drill.Record{Seen: &drill.Seen{Conn: 2, First: began.Add(17 * time.Second), Last: began.Add(17 * time.Second), Runs: []drill.Run{{From: 10, Len: []int64{1}}}, Checked: 1}},
		drill.Record{Seen: &drill.Seen{Conn: 2, First: began.Add(18 * time.Second), Last: began.Add(18 * time.Second), Runs: []drill.Run{{From: 11, Len: []int64{2}}}, Again: []drill.Run{{From: 12, Len: []int64{1}}}, Checked: 3}},
		offsets(19, 14, 14),
		drill.Record{Lost: &drill.Lost{InLog: []drill.Run{{From: 13, Len: []int64{1}}}}},
		mark(drill.StageSettle, false, ""), mark(drill.StageSettle, true, "the counter's last scrape not within 5m0s"),
	)
}

func checks() []drill.Check {
	judge := func(v drill.Verdict, observed, reason string) func(drill.Spec, *drill.Facts) drill.Finding {
		return func(drill.Spec, *drill.Facts) drill.Finding {
			return drill.Finding{Verdict: v, Expected: "every owed event once", Observed: observed, Reason: reason, Evidence: []int{11, 17, 18}}
		}
	}
	return []drill.Check{
		{ID: "alert.fired_in_window", Judge: judge(drill.Pass, "fired 7.0s after the stop", "")},
		{ID: "delivery.no_loss", Usual: "the bridge commits before it delivers.", Judge: judge(drill.Fail, "1 lost", "partition 0 offset 13 (seq 3)")},
		{ID: "delivery.order", Judge: judge(drill.Inconclusive, "a | pipe\nand <b>HTML</b>", "")},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("..", "testdata", "reports", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs from what is rendered (-want +got); `go test ./reports -update` writes it again\n%s", name, diff)
	}
}

func TestMarkdownGolden(t *testing.T) {
	f := drilled(t)
	var out bytes.Buffer
	r := drill.NewResult(f, drill.JournalInfo{SHA256: "abc", Lines: f.Lines}, checks())
	if err := Markdown(&out, Input{Result: r, Facts: f, Checks: checks()}); err != nil {
		t.Fatal(err)
	}
	golden(t, "failed.md", out.Bytes())
	var unit bytes.Buffer
	if err := JUnit(&unit, r); err != nil {
		t.Fatal(err)
	}
	golden(t, "failed.xml", unit.Bytes())
}

func TestVerdictAndReasonAreInTheFirstThreeLines(t *testing.T) {
	f := drilled(t)
	var out bytes.Buffer
	r := drill.NewResult(f, drill.JournalInfo{}, checks())
	if err := Markdown(&out, Input{Result: r, Facts: f}); err != nil {
		t.Fatal(err)
	}
	first := strings.Join(strings.SplitN(out.String(), "\n", 4)[:3], "\n")
	for _, want := range []string{"FAIL", "delivery.no_loss", "seq 3"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first three lines lack %q:\n%s", want, first)
		}
	}
}

func TestRefusedReportNamesEveryReason(t *testing.T) {
	f := journal(t, drill.Record{Run: runInfo(t)},
		drill.Record{Refusal: &drill.Refusal{ID: "outage-too-short", Reason: "6s can never fire"}},
		drill.Record{Refusal: &drill.Refusal{ID: "other-groups", Reason: "billing reads it", Allowed: true}})
	var out bytes.Buffer
	if err := Markdown(&out, Input{Result: drill.NewResult(f, drill.JournalInfo{}, checks()), Facts: f}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"INCONCLUSIVE", "not touched", "outage-too-short", "6s can never fire", "--allow other-groups", "Not measured"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "✅") {
		t.Error("a refused drill shows something passed")
	}
}

func TestMarkdownFitsAPullRequest(t *testing.T) {
	f := drilled(t)
	r := drill.NewResult(f, drill.JournalInfo{}, checks())
	long := strings.Repeat("é|<", 3000)
	for i := range 400 {
		r.Checks = append(r.Checks, drill.Finding{Check: fmt.Sprint("c", i), Expected: long, Observed: long, Reason: long})
		r.Ledger.Exceptions = append(r.Ledger.Exceptions, drill.Exception{Kind: drill.KindLost, Cause: long})
	}
	var out bytes.Buffer
	if err := Markdown(&out, Input{Result: r, Facts: f}); err != nil {
		t.Fatal(err)
	}
	if n := len([]rune(out.String())); n > MaxMarkdown {
		t.Errorf("report has %d characters, at most %d fit", n, MaxMarkdown)
	}
	if !strings.Contains(out.String(), "cut here") {
		t.Error("a report that was cut does not say so")
	}
}

func TestJUnitWithoutChecksIsNotGreen(t *testing.T) {
	var out bytes.Buffer
	if err := JUnit(&out, drill.NewResult(drill.NewFacts(), drill.JournalInfo{}, checks())); err != nil {
		t.Fatal(err)
	}
	var s junitSuite
	if err := xml.Unmarshal(out.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	if s.Tests != 1 || s.Errors != 1 {
		t.Errorf("tests %d errors %d, want one error: %s", s.Tests, s.Errors, out.String())
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -100: "-100", -1000: "-1,000"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %s, want %s", n, got, want)
		}
	}
}
