package drill

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Result is what result.json holds. It is API: fields are only ever added.
type Result struct {
	Schema        int             `json:"schema"`
	Drill         DrillInfo       `json:"drill"`
	Outcome       Outcome         `json:"outcome"`
	Verdict       Verdict         `json:"verdict"`
	Reason        string          `json:"reason"`
	Spec          Spec            `json:"spec"`
	Journal       JournalInfo     `json:"journal"`
	Stages        []StageSpan     `json:"stages"`
	Ledger        Ledger          `json:"ledger"`
	Checks        []Finding       `json:"checks"`
	Refusals      []Refusal       `json:"refusals"`
	NotApplicable []NotApplicable `json:"not_applicable"`
	Skipped       []string        `json:"skipped"`
}

// DrillInfo names a drill.
type DrillInfo struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Version  string    `json:"version"`
	World    string    `json:"world"`
	Host     string    `json:"host"`
	Operator string    `json:"operator"`
}

// JournalInfo ties a result to the journal it was judged from.
type JournalInfo struct {
	SHA256 string `json:"sha256"`
	Lines  int    `json:"lines"`
}

// Sum describes the bytes of a journal.
func Sum(journal []byte, lines int) JournalInfo {
	h := sha256.Sum256(journal)
	return JournalInfo{SHA256: hex.EncodeToString(h[:]), Lines: lines}
}

// NewResult judges the facts. It asks no clock and no world: the same journal
// gives the same result, today and in a year.
func NewResult(f *Facts, journal JournalInfo, checks []Check) Result {
	r := Result{
		Schema: Schema, Outcome: f.outcome(), Journal: journal, Stages: f.Stages,
		Ledger: f.Ledger(), Refusals: []Refusal{}, NotApplicable: f.NotApplicable, Skipped: []string{},
		Checks: []Finding{},
	}
	r.Drill.Started, r.Drill.Finished = f.Started, f.Last
	if f.Run != nil {
		i := f.Run.V
		r.Spec = i.Spec
		r.Drill.ID, r.Drill.Name, r.Drill.Version = i.ID, i.Spec.Name, i.Version
		r.Drill.World, r.Drill.Host, r.Drill.Operator = i.World, i.Host, i.Operator
	}
	for _, x := range f.Refusals {
		r.Refusals = append(r.Refusals, x.V)
	}
	r.Skipped = append(r.Skipped, r.Spec.Checks.Skip...)
	if r.NotApplicable == nil {
		r.NotApplicable = []NotApplicable{}
	}
	if r.Stages == nil {
		r.Stages = []StageSpan{}
	}
	if f.Call(OpStop) != nil {
		r.Checks = Judge(r.Spec, f, checks)
	}
	r.Verdict, r.Reason = verdict(r.Outcome, f, r.Checks)
	return r
}
