package drill

import "time"

// newSpec has what has a sensible value everywhere, set before a file is read
// over it, so that an explicit 0 is seen and refused. Names of somebody's
// system have no default, except in an embedded world, where every name is ours.
func newSpec() Spec {
	return Spec{
		Bridge:     BridgeSpec{Stream: "/crm-events", Health: "/healthz"},
		Backlog:    DefaultBacklog(),
		Outage:     OutageSpec{Max: Duration(10 * time.Minute)},
		Objectives: ObjectivesSpec{FirstEvent: Duration(30 * time.Second), Drain: Duration(2 * time.Minute)},
		GiveUp: GiveUpSpec{
			Baseline: Duration(time.Minute), FirstEvent: Duration(2 * time.Minute),
			Drain: Duration(10 * time.Minute), Settle: Duration(5 * time.Minute),
		},
	}
}

// DefaultBacklog is 200 events of 512 bytes, as fast as it goes.
func DefaultBacklog() BacklogSpec {
	return BacklogSpec{Events: 200, Size: 512, Tenant: "00000000-0000-0000-0000-000000000001"}
}

// defaulter is a part of the spec whose defaults apply once it is named.
type defaulter interface{ defaults() }

func (e *EmbeddedSpec) defaults() {
	*e = EmbeddedSpec{Partitions: 3, Scrape: Duration(time.Second), Evaluate: Duration(time.Second), For: Duration(10 * time.Second)}
}

func (d *DockerSpec) defaults() {
	*d = DockerSpec{Stop: StopGraceful, StopTimeout: Duration(10 * time.Second)}
}

func (p *ProcessSpec) defaults() {
	*p = ProcessSpec{Command: []string{"aether", "serve", "--host", "127.0.0.1"}, Stop: StopGraceful, StopTimeout: Duration(10 * time.Second)}
}

// complete fills what depends on what was read.
func (s *Spec) complete() {
	if s.Outage.Until == "" && s.Outage.Hold == 0 {
		s.Outage.Until = UntilAlertFiring
	}
	if s.Embedded == nil {
		setString(&s.Name, "drill")
		return
	}
	if s.Target == (TargetSpec{}) {
		s.Target.Process = &ProcessSpec{}
		s.Target.Process.defaults()
	}
	setString(&s.Name, "rehearsal")
	setString(&s.Kafka.Topic, "aetherlink.events")
	setString(&s.Kafka.Group, "crm-events-sse")
	if len(s.Prometheus.Target) == 0 {
		s.Prometheus.Target = map[string]string{"job": "crm-events"}
	}
	setString(&s.Prometheus.Alert.Name, "CrmEventsServiceDown")
	setString(&s.Prometheus.Counter, "crm_events_messages_total")
}

// Realtime sets the clock of a production Prometheus: 15 s, 15 s, 2 m.
func (s *Spec) Realtime() {
	s.Embedded.Scrape = Duration(15 * time.Second)
	s.Embedded.Evaluate = Duration(15 * time.Second)
	s.Embedded.For = Duration(2 * time.Minute)
	s.GiveUp.Baseline = max(s.GiveUp.Baseline, Duration(3*time.Minute))
}

func setString(p *string, v string) {
	if *p == "" {
		*p = v
	}
}
