package reports

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/aetherlink/aether/drill"
)

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Stamp    string      `xml:"timestamp,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string      `xml:"name,attr"`
	Class   string      `xml:"classname,attr"`
	Failure *junitEntry `xml:"failure,omitempty"`
	Error   *junitEntry `xml:"error,omitempty"`
	Skipped *junitEntry `xml:"skipped,omitempty"`
}

type junitEntry struct {
	Message string `xml:"message,attr"`
}

// JUnit writes one case a check: fail is a failure, inconclusive an error. A
// drill that did not complete has one more case that says so, so that a file
// without checks is never green.
func JUnit(w io.Writer, r drill.Result) error {
	s := junitSuite{
		Name: "aether drill " + r.Drill.Name, Time: fmt.Sprintf("%.3f", r.Drill.Finished.Sub(r.Drill.Started).Seconds()),
		Stamp: r.Drill.Started.UTC().Format("2006-01-02T15:04:05"),
	}
	if r.Outcome != drill.Completed || len(r.Checks) == 0 {
		s.Errors++
		s.Cases = append(s.Cases, junitCase{Name: "drill", Class: "aether", Error: &junitEntry{Message: string(r.Outcome) + ": " + r.Reason}})
	}
	for _, c := range r.Checks {
		one := junitCase{Name: c.Check, Class: "aether"}
		entry := &junitEntry{Message: "expected " + c.Expected + "; observed " + join(c.Observed, c.Reason)}
		switch c.Verdict {
		case drill.Pass:
		case drill.Fail:
			one.Failure = entry
			s.Failures++
		default:
			one.Error = entry
			s.Errors++
		}
		s.Cases = append(s.Cases, one)
	}
	for _, n := range r.NotApplicable {
		s.Cases = append(s.Cases, junitCase{Name: n.Check, Class: "aether", Skipped: &junitEntry{Message: n.Reason}})
	}
	for _, id := range r.Skipped {
		s.Cases = append(s.Cases, junitCase{Name: id, Class: "aether", Skipped: &junitEntry{Message: "skipped by the spec"}})
	}
	s.Skipped = len(r.NotApplicable) + len(r.Skipped)
	s.Tests = len(s.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write junit: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
		return fmt.Errorf("write junit: %w", err)
	}
	return nil
}
