package drill

import (
	"encoding/json"
	"fmt"
	"time"
)

// Duration is a time.Duration that reads and writes as "1m30s".
type Duration time.Duration

// D is the time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the Go form, "1m30s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the Go form.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 10s or 2m", b)
	}
	*d = Duration(v)
	return nil
}

// Secret prints masked wherever it goes. Reveal is for the one place that
// must have it.
type Secret string

const mask = "********"

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// Format masks under every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText masks.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// Spec describes a drill. Load fills its defaults; Validate holds the rules.
type Spec struct {
	Version    int             `yaml:"version" json:"version"`
	Name       string          `yaml:"name" json:"name"`
	Embedded   *EmbeddedSpec   `yaml:"embedded" json:"embedded,omitempty"`
	Target     TargetSpec      `yaml:"target" json:"target"`
	Bridge     BridgeSpec      `yaml:"bridge" json:"bridge"`
	Kafka      KafkaSpec       `yaml:"kafka" json:"kafka"`
	Prometheus PrometheusSpec  `yaml:"prometheus" json:"prometheus"`
	Backlog    BacklogSpec     `yaml:"backlog" json:"backlog"`
	Outage     OutageSpec      `yaml:"outage" json:"outage"`
	Objectives ObjectivesSpec  `yaml:"objectives" json:"objectives"`
	GiveUp     GiveUpSpec      `yaml:"give_up" json:"give_up"`
	Checks     CheckSelectSpec `yaml:"checks" json:"checks"`
}

// EmbeddedSpec makes the world ours: broker, Prometheus and bridge on this machine.
type EmbeddedSpec struct {
	Partitions int      `yaml:"partitions" json:"partitions"`
	Scrape     Duration `yaml:"scrape" json:"scrape"`
	Evaluate   Duration `yaml:"evaluate" json:"evaluate"`
	For        Duration `yaml:"for" json:"for"`
}

// TargetSpec names what is stopped and started: exactly one of the three.
type TargetSpec struct {
	Docker  *DockerSpec  `yaml:"docker" json:"docker,omitempty"`
	Exec    *ExecSpec    `yaml:"exec" json:"exec,omitempty"`
	Process *ProcessSpec `yaml:"process" json:"process,omitempty"`
}

// How a target is stopped.
const (
	StopGraceful = "graceful"
	StopKill     = "kill"
)

// DockerSpec is a container. Host "" means DOCKER_HOST, the current context, the local socket.
type DockerSpec struct {
	Container   string   `yaml:"container" json:"container"`
	Host        string   `yaml:"host" json:"host,omitempty"`
	Stop        string   `yaml:"stop" json:"stop"`
	StopTimeout Duration `yaml:"stop_timeout" json:"stop_timeout"`
}

// ExecSpec is three argument lists. State exits 0 for running, 1 for stopped.
type ExecSpec struct {
	Stop  []string `yaml:"stop" json:"stop"`
	Start []string `yaml:"start" json:"start"`
	State []string `yaml:"state" json:"state"`
}

// ProcessSpec is a program of the embedded world. ${PORT} in Command is
// replaced; "aether" as the first word is this program.
type ProcessSpec struct {
	Command     []string          `yaml:"command" json:"command"`
	Env         map[string]string `yaml:"env" json:"env,omitempty"`
	Stop        string            `yaml:"stop" json:"stop"`
	StopTimeout Duration          `yaml:"stop_timeout" json:"stop_timeout"`
}

// BridgeSpec is where the service under drill answers.
type BridgeSpec struct {
	URL     string            `yaml:"url" json:"url,omitempty"`
	Stream  string            `yaml:"stream" json:"stream"`
	Health  string            `yaml:"health" json:"health"`
	Headers map[string]Secret `yaml:"headers" json:"headers,omitempty"`
}

// KafkaSpec is the topic and the group that carries it.
type KafkaSpec struct {
	Brokers []string  `yaml:"brokers" json:"brokers,omitempty"`
	Topic   string    `yaml:"topic" json:"topic"`
	Group   string    `yaml:"group" json:"group"`
	TLS     *TLSSpec  `yaml:"tls" json:"tls,omitempty"`
	SASL    *SASLSpec `yaml:"sasl" json:"sasl,omitempty"`
}

// TLSSpec is a TLS client's settings; files are PEM.
type TLSSpec struct {
	CAFile   string `yaml:"ca_file" json:"ca_file,omitempty"`
	CertFile string `yaml:"cert_file" json:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file" json:"key_file,omitempty"`
}

// SASLSpec is a SASL login: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
type SASLSpec struct {
	Mechanism string `yaml:"mechanism" json:"mechanism"`
	Username  string `yaml:"username" json:"username"`
	Password  Secret `yaml:"password" json:"password"`
}

// Format masks even where fmt does not know the verb, and would print the
// fields behind a pointer without asking them.
func (s SASLSpec) Format(f fmt.State, _ rune) {
	type plain SASLSpec
	fmt.Fprintf(f, "%+v", plain(s))
}

// PrometheusSpec is the server that is asked, and what it is asked about.
type PrometheusSpec struct {
	URL     string            `yaml:"url" json:"url,omitempty"`
	Target  map[string]string `yaml:"target" json:"target"` // labels of the scrape target
	Alert   AlertSpec         `yaml:"alert" json:"alert"`
	Counter string            `yaml:"counter" json:"counter"`
	// Alertmanagers are base URLs that work from here, where those that
	// Prometheus itself uses do not.
	Alertmanagers []string  `yaml:"alertmanagers" json:"alertmanagers,omitempty"`
	HTTP          *HTTPSpec `yaml:"http" json:"http,omitempty"`
}

// HTTPSpec is how to log in to Prometheus.
type HTTPSpec struct {
	Username string   `yaml:"username" json:"username,omitempty"`
	Password Secret   `yaml:"password" json:"password,omitempty"`
	Bearer   Secret   `yaml:"bearer" json:"bearer,omitempty"`
	TLS      *TLSSpec `yaml:"tls" json:"tls,omitempty"`
}

// Format is documented at SASLSpec.
func (s HTTPSpec) Format(f fmt.State, _ rune) {
	type plain HTTPSpec
	fmt.Fprintf(f, "%+v", plain(s))
}

// AlertSpec is the alert that must fire.
type AlertSpec struct {
	Name   string            `yaml:"name" json:"name"`
	Labels map[string]string `yaml:"labels" json:"labels,omitempty"`
}

// BacklogSpec is what is produced while the target is down.
type BacklogSpec struct {
	Events int    `yaml:"events" json:"events"`
	Rate   int    `yaml:"rate" json:"rate"` // events/s, 0: as fast as it goes
	Size   int    `yaml:"size" json:"size"` // bytes of value
	Tenant string `yaml:"tenant" json:"tenant"`
}

// UntilAlertFiring ends the outage when Prometheus says firing.
const UntilAlertFiring = "alert-firing"

// OutageSpec says how long the target stays down: until an event, or for a time.
type OutageSpec struct {
	Until string   `yaml:"until" json:"until,omitempty"`
	Hold  Duration `yaml:"hold" json:"hold,omitzero"`
	Max   Duration `yaml:"max" json:"max"`
}

// ObjectivesSpec only judges; it ends no wait.
type ObjectivesSpec struct {
	FirstEvent Duration `yaml:"first_event" json:"first_event"`
	Drain      Duration `yaml:"drain" json:"drain"`
	Duplicates int      `yaml:"duplicates" json:"duplicates"`
}

// GiveUpSpec ends waits; it judges nothing.
type GiveUpSpec struct {
	Baseline   Duration `yaml:"baseline" json:"baseline"`
	FirstEvent Duration `yaml:"first_event" json:"first_event"`
	Drain      Duration `yaml:"drain" json:"drain"`
	Settle     Duration `yaml:"settle" json:"settle"`
}

// CheckSelectSpec leaves checks out, which is said beside the verdict.
type CheckSelectSpec struct {
	Skip []string `yaml:"skip" json:"skip,omitempty"`
}

// Masked is the spec as JSON and back, secrets replaced: what may be written down.
func (s Spec) Masked() (Spec, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return Spec{}, fmt.Errorf("mask spec: %w", err)
	}
	var m Spec
	if err := json.Unmarshal(b, &m); err != nil {
		return Spec{}, fmt.Errorf("mask spec: %w", err)
	}
	return m, nil
}
