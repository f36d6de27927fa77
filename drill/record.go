package drill

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Schema is the version of journal and result. Fields are only ever added to it.
const Schema = 1

// Record is one journal line; exactly one pointer is set. A new kind of fact is
// a new field, not a map.
type Record struct {
	N  int       `json:"n"`  // line number, from 1; evidence points here
	At time.Time `json:"at"` // the runner's clock, and the only place it is read

	Run           *RunInfo       `json:"run,omitempty"` // the first line
	Stage         *StageMark     `json:"stage,omitempty"`
	NotApplicable *NotApplicable `json:"not_applicable,omitempty"`
	Refusal       *Refusal       `json:"refusal,omitempty"`
	Clock         *Clock         `json:"clock,omitempty"`
	Rule          *Rule          `json:"rule,omitempty"`
	Intent        *Intent        `json:"intent,omitempty"` // synced before the fault
	Call          *Call          `json:"call,omitempty"`
	Target        *TargetState   `json:"target,omitempty"`
	Series        *Series        `json:"series,omitempty"`
	Offsets       *Offsets       `json:"offsets,omitempty"`
	Canary        *Canary        `json:"canary,omitempty"`
	Produced      *Produced      `json:"produced,omitempty"`
	Owed          *Owed          `json:"owed,omitempty"`
	Stream        *Stream        `json:"stream,omitempty"`
	Seen          *Seen          `json:"seen,omitempty"`
	Gap           *Gap           `json:"gap,omitempty"`
	Lost          *Lost          `json:"lost,omitempty"`
	Blind         *Blind         `json:"blind,omitempty"`
	Interrupted   *Interrupted   `json:"interrupted,omitempty"`
	Failure       *Failure       `json:"failure,omitempty"`
}

// kinds is how many pointers are set.
func (r Record) kinds() (n int) {
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			n++
		}
	}
	return n
}

// RunInfo opens the journal: what is drilled, by whom, with what.
type RunInfo struct {
	Schema   int      `json:"schema"`
	ID       string   `json:"id"`
	Version  string   `json:"version"` // of aether
	Host     string   `json:"host"`
	Operator string   `json:"operator"`
	Platform string   `json:"platform"` // GOOS/GOARCH, processors
	World    string   `json:"world"`    // "embedded" or "real"
	Notes    []string `json:"notes,omitempty"`
	Spec     Spec     `json:"spec"` // effective, secrets masked
}

// Stage names, in order.
const (
	StagePreflight = "preflight"
	StageBaseline  = "baseline"
	StageFault     = "fault"
	StageBacklog   = "backlog"
	StageHold      = "hold"
	StageRecover   = "recover"
	StageDrain     = "drain"
	StageSettle    = "settle"
)

// Stages is every stage in order.
func Stages() []string {
	return []string{StagePreflight, StageBaseline, StageFault, StageBacklog, StageHold, StageRecover, StageDrain, StageSettle}
}

// StageMark begins or ends a stage. Reason says why a stage ended without
// reaching its goal; it is empty where the goal was reached.
type StageMark struct {
	Name   string `json:"name"`
	Done   bool   `json:"done"`
	Reason string `json:"reason,omitempty"`
}

// NotApplicable is a check that this spec or world cannot have. It is decided
// before the fault, never from what was observed later.
type NotApplicable struct {
	Check  string `json:"id"`
	Reason string `json:"reason"`
}

// Refusal is a reason not to begin. Allowed: the operator overrode it by name.
type Refusal struct {
	ID      string `json:"id"`
	Reason  string `json:"reason"`
	Allowed bool   `json:"allowed,omitempty"`
}

// Clock is the offset of another clock to the runner's, other minus runner,
// known to ±Error.
type Clock struct {
	Of     string   `json:"of"` // "prometheus", "broker", "docker"
	Offset Duration `json:"offset"`
	Error  Duration `json:"error"`
}

// Rule is the drilled alert as the running Prometheus reports it, with the
// scrape settings of the target that it is about.
type Rule struct {
	Name          string            `json:"name"`
	Expr          string            `json:"expr"`
	Group         string            `json:"group"`
	File          string            `json:"file"`
	State         string            `json:"state"` // inactive, pending, firing, unknown
	Health        string            `json:"health"`
	LastError     string            `json:"last_error,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"`
	Interval      Duration          `json:"interval"`
	For           Duration          `json:"for"`
	KeepFiring    Duration          `json:"keep_firing"`
	QueryOffset   Duration          `json:"query_offset"`
	Scrape        Duration          `json:"scrape"`
	ScrapeTimeout Duration          `json:"scrape_timeout"`
	Server        string            `json:"server"` // Prometheus version
}

// Intent is what is about to be done to the target, enough of it for another
// process to undo it.
type Intent struct {
	Drill    string          `json:"drill"`
	Kind     string          `json:"kind"` // "process", "docker", "exec"
	Target   string          `json:"target"`
	ID       string          `json:"id"`
	Undo     string          `json:"undo"` // the command for a human
	Deadline time.Time       `json:"deadline"`
	Data     json.RawMessage `json:"data,omitempty"` // the target's own
}

// Ops of a Call.
const (
	OpStop  = "stop"
	OpStart = "start"
)

// Call is one call upon the target, from when it was made to when it answered.
type Call struct {
	Op    string    `json:"op"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Error string    `json:"error,omitempty"`
}

// TargetState is the target as it was found.
type TargetState struct {
	ID       string    `json:"id"`
	Image    string    `json:"image,omitempty"`
	Running  bool      `json:"running"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Exit     *int      `json:"exit,omitempty"`
	Signal   string    `json:"signal,omitempty"` // that ended it, where the system says so
	Restarts int       `json:"restarts"`         // by something other than the drill
}

// Series is raw samples with their own timestamps, as Prometheus stored them
// in [From, To] of its clock, less those that an earlier record has. No points
// means: looked, and nothing was there.
type Series struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
	From   time.Time         `json:"from"`
	To     time.Time         `json:"to"`
	Points []Point           `json:"points"`
}

// Point is one sample; its time has millisecond resolution.
type Point struct {
	At    time.Time
	Value float64
}

// MarshalJSON writes [unix milliseconds, "value"], so that NaN survives.
func (p Point) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `[%d,%q]`, p.At.UnixMilli(), strconv.FormatFloat(p.Value, 'g', -1, 64)), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Point) UnmarshalJSON(b []byte) error {
	var ms int64
	var s string
	pair := []any{&ms, &s}
	if err := json.Unmarshal(b, &pair); err != nil {
		return fmt.Errorf("point %s: %w", b, err)
	}
	if len(pair) != 2 {
		return fmt.Errorf("point %s has %d parts, not 2", b, len(pair))
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return fmt.Errorf("point %s: %w", b, err)
	}
	p.At, p.Value = time.UnixMilli(ms).UTC(), v
	return nil
}

// Offsets is one look at Kafka, index = partition. The commits were read
// first, the ends second, so End−Committed is never below the true lag of the
// moment the commits were read. Committed −1: no commit.
type Offsets struct {
	Asked     time.Time `json:"asked"`
	Answered  time.Time `json:"answered"`
	Start     []int64   `json:"start"`
	End       []int64   `json:"end"`
	Committed []int64   `json:"committed"`
	Members   int       `json:"members"`
}

// Canary is a round of single events, one per partition, at these offsets.
type Canary struct {
	Offsets []int64 `json:"offsets"` // index = partition
}

// Produced is what the producer says of itself. An errored event is
// indeterminate: it may be in the log or not.
type Produced struct {
	Asked         int       `json:"asked"`
	Acked         int       `json:"acked"`
	Indeterminate int       `json:"indeterminate"`
	From          time.Time `json:"from"`
	To            time.Time `json:"to"`
	Error         string    `json:"error,omitempty"` // the first one
}

// Owed is the log read back: every record in [From, To) per partition is owed
// to the client, whoever wrote it.
type Owed struct {
	From  []int64 `json:"from"`
	To    []int64 `json:"to"`
	Runs  []Run   `json:"runs"`
	Drill Drill   `json:"drill"`
	Other int64   `json:"other"` // records that are not the drill's
	Error string  `json:"error,omitempty"`
}

// Drill is the drill's own part of Owed. Seqs are runs over the sequence
// numbers, partition 0. Regular: in every partition p of n the drill's records
// have the sequence numbers p, p+n, p+2n …, so that an offset tells its number.
type Drill struct {
	Offsets []Run   `json:"offsets"`
	Regular bool    `json:"regular"`
	Seqs    []Run   `json:"seqs"`
	Again   []Run   `json:"again,omitempty"`   // in the log more than once
	Altered []int64 `json:"altered,omitempty"` // checksum does not match, the first hundred
}

// Stream is a change of the SSE witness's connection, numbered from 1.
type Stream struct {
	Conn        int    `json:"conn"`
	Open        bool   `json:"open"`
	LastEventID string `json:"last_event_id,omitempty"` // what was resumed from
	HasIDs      bool   `json:"has_ids,omitempty"`       // on close: the service sent ids
	Attempts    int    `json:"attempts,omitempty"`      // tries before this one that failed
	Reason      string `json:"reason,omitempty"`        // why it ended, or why the tries failed
}

// Seen is what arrived on one connection since the record before.
type Seen struct {
	Conn       int       `json:"conn"`
	First      time.Time `json:"first"` // arrival of the first event in it
	Last       time.Time `json:"last"`
	Runs       []Run     `json:"runs"`
	Again      []Run     `json:"again,omitempty"` // further arrivals of offsets in Runs
	Checked    int64     `json:"checked"`         // compared with the hash of what is owed
	Misordered Oddities  `json:"misordered,omitzero"`
	Corrupt    Oddities  `json:"corrupt,omitzero"`
	Unreadable Oddities  `json:"unreadable,omitzero"` // frames without partition and offset
}

// Oddities counts what was wrong and keeps the first few of it.
type Oddities struct {
	Count int64    `json:"count"`
	First []Oddity `json:"first,omitempty"`
}

// MaxOddities is how many of a kind a record keeps.
const MaxOddities = 100

// Oddity is one event that was wrong in some way.
type Oddity struct {
	Partition int32  `json:"p"`
	Offset    int64  `json:"o"`
	Note      string `json:"note,omitempty"`
}

// Add counts an oddity and keeps it while there is room.
func (o *Oddities) Add(x Oddity) {
	o.Count++
	if len(o.First) < MaxOddities {
		o.First = append(o.First, x)
	}
}

// Gap is a range that the service itself said it cannot deliver.
type Gap struct {
	Conn      int    `json:"conn"`
	Partition int32  `json:"p"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
	Reason    string `json:"reason"`
}

// Lost is a second look at the log after the drain for what was not delivered.
type Lost struct {
	InLog   []Run  `json:"in_log"`  // still readable
	Expired []Run  `json:"expired"` // below the log's start
	Missing []Run  `json:"missing"` // inside the log's range and not in it
	Error   string `json:"error,omitempty"`
}

// Blind says that a witness could not look.
type Blind struct {
	Witness string    `json:"witness"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Reason  string    `json:"reason"`
}

// Interrupted says that somebody ended the drill early.
type Interrupted struct {
	Signal string `json:"signal"`
}

// Failure is something that went wrong with the drill itself.
type Failure struct {
	Stage  string `json:"stage"`
	Reason string `json:"reason"`
}
