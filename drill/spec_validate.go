package drill

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// problems collects what is wrong, path by path.
type problems []error

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, Problem{Path: path, Reason: fmt.Sprintf(format, args...)})
}

func (p *problems) want(ok bool, path, format string, args ...any) {
	if !ok {
		p.add(path, format, args...)
	}
}

// Validate returns every problem of the spec, joined.
func (s Spec) Validate() error {
	var p problems
	p.want(s.Version == 1, "version", "must be 1, is %d", s.Version)
	p.want(regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62})$`).MatchString(s.Name), "name", "%q: lower-case letters, digits and dashes, at most 63", s.Name)
	s.validateTarget(&p)
	s.validateWorld(&p)
	s.validateOutage(&p)
	s.Backlog.validate(&p)
	p.want(s.Objectives.Duplicates >= 0, "objectives.duplicates", "%d: 0 or more", s.Objectives.Duplicates)
	positive(&p, map[string]Duration{
		"objectives.first_event": s.Objectives.FirstEvent, "objectives.drain": s.Objectives.Drain,
		"give_up.baseline": s.GiveUp.Baseline, "give_up.first_event": s.GiveUp.FirstEvent, "give_up.drain": s.GiveUp.Drain, "give_up.settle": s.GiveUp.Settle,
	})
	return errors.Join(p...)
}

// Validate returns every problem of a backlog, joined.
func (b BacklogSpec) Validate() error {
	var p problems
	b.validate(&p)
	return errors.Join(p...)
}

func (b BacklogSpec) validate(p *problems) {
	p.want(b.Events >= 1 && b.Events <= 10_000_000, "backlog.events", "%d: from 1 to 10,000,000", b.Events)
	p.want(b.Rate >= 0, "backlog.rate", "%d: 0 or more events per second", b.Rate)
	p.want(b.Size >= MinEventSize && b.Size <= 900<<10, "backlog.size", "%d: from %d to %d bytes", b.Size, MinEventSize, 900<<10)
	p.want(len(b.Tenant) <= 64, "backlog.tenant", "longer than 64 characters")
}

func positive(p *problems, ds map[string]Duration) {
	for _, path := range sortedKeys(ds) {
		p.want(ds[path] > 0, path, "%s: must be above 0", ds[path])
	}
}

func (s Spec) validateTarget(p *problems) {
	var named []string
	if t := s.Target.Docker; t != nil {
		named = append(named, "docker")
		p.want(t.Container != "", "target.docker.container", "is missing")
		stopWord(p, "target.docker.stop", t.Stop)
		positive(p, map[string]Duration{"target.docker.stop_timeout": t.StopTimeout})
	}
	if t := s.Target.Exec; t != nil {
		named = append(named, "exec")
		p.want(len(t.Stop) > 0, "target.exec.stop", "is missing")
		p.want(len(t.Start) > 0, "target.exec.start", "is missing")
		p.want(len(t.State) > 0, "target.exec.state", "is missing")
	}
	if t := s.Target.Process; t != nil {
		named = append(named, "process")
		p.want(len(t.Command) > 0 && t.Command[0] != "", "target.process.command", "is missing")
		stopWord(p, "target.process.stop", t.Stop)
		positive(p, map[string]Duration{"target.process.stop_timeout": t.StopTimeout})
		p.want(s.Embedded != nil, "target.process", "is for an embedded world; a real one has target.docker or target.exec")
	}
	switch len(named) {
	case 0:
		p.add("target", "is missing: exactly one of docker, exec, process")
	case 1:
	default:
		p.add("target", "has %s: exactly one is wanted", strings.Join(named, " and "))
	}
}

func stopWord(p *problems, path, word string) {
	p.want(word == StopGraceful || word == StopKill, path, "%q is neither %s nor %s", word, StopGraceful, StopKill)
}

func (s Spec) validateOutage(p *problems) {
	o := s.Outage
	p.want(o.Until == "" || o.Until == UntilAlertFiring, "outage.until", "%q: only %s is known", o.Until, UntilAlertFiring)
	p.want(o.Until == "" || o.Hold == 0, "outage", "has until and hold: one of them is wanted")
	p.want(o.Hold >= 0, "outage.hold", "%s: must be above 0", o.Hold)
	p.want(o.Hold <= o.Max, "outage.hold", "%s is longer than outage.max %s", o.Hold, o.Max)
	positive(p, map[string]Duration{"outage.max": o.Max})
}
