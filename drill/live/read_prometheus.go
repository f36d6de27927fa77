package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/promcheck"
)

// clockReadings is how many times the clock is asked; the one with the least
// round trip counts.
const clockReadings = 5

func (r *run) readClock(ctx context.Context) error {
	offset, off, err := r.eyes.prom.ClockOffset(ctx, clockReadings)
	if err != nil {
		return fmt.Errorf("read the clock of Prometheus: %w", err)
	}
	return r.tape.Put(drill.Record{Clock: &drill.Clock{Of: clockPrometheus, Offset: drill.Duration(offset), Error: drill.Duration(off)}})
}

func (r *run) promOffset() (d time.Duration) {
	r.tape.View(func(f *drill.Facts) {
		c, _ := f.ClockOf(clockPrometheus)
		d = c.V.Offset.D()
	})
	return d
}

// readTarget finds the one scrape target of the spec, waiting for it to be
// discovered.
func (r *run) readTarget(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.Spec.GiveUp.Baseline.D())
	defer cancel()
	for {
		found, err := r.eyes.prom.Target(ctx, r.Spec.Prometheus.Target)
		switch {
		case err != nil && ctx.Err() == nil:
			return fmt.Errorf("read targets of Prometheus: %w", err)
		case len(found) == 1:
			r.eyes.scrape = found[0].ScrapeInterval
			return nil
		case len(found) > 1:
			r.refuse(refuseScrapes, fmt.Sprintf("%d scrape targets match %s: add labels under prometheus.target until one is left", len(found), selector(r.Spec.Prometheus.Target)))
			return errRefused
		}
		if pause(ctx, 200*time.Millisecond) != nil {
			r.refuse(refuseScrape, fmt.Sprintf("Prometheus at %s has no scrape target %s", r.World.Prometheus, selector(r.Spec.Prometheus.Target)))
			return errRefused
		}
	}
}

// readRule puts the alert as the server has it on the tape. Before the fault it
// refuses a rule that is missing, unhealthy, active, or blind to the outage.
func (r *run) readRule(ctx context.Context) error {
	rule, err := r.awaitRule(ctx)
	if err != nil {
		if errors.Is(err, promcheck.ErrRuleNotFound) {
			r.refuse(refuseRule, err.Error())
			return errRefused
		}
		return fmt.Errorf("read rule %s: %w", r.Spec.Prometheus.Alert.Name, err)
	}
	targets, err := r.eyes.prom.Target(ctx, r.Spec.Prometheus.Target)
	if err != nil || len(targets) != 1 {
		return fmt.Errorf("read targets of Prometheus: %w", errors.Join(err, fmt.Errorf("%d match", len(targets))))
	}
	version, err := r.eyes.prom.Version(ctx)
	if err != nil {
		return fmt.Errorf("read the version of Prometheus: %w", err)
	}
	rec := drill.Rule{
		Name: rule.Name, Expr: rule.Query, Group: rule.Group, File: rule.File, State: rule.State, Health: rule.Health, LastError: rule.LastError,
		Labels: rule.Labels, Interval: drill.Duration(rule.Interval), For: drill.Duration(rule.For), KeepFiring: drill.Duration(rule.KeepFiringFor),
		QueryOffset: drill.Duration(rule.QueryOffset), Scrape: drill.Duration(targets[0].ScrapeInterval), ScrapeTimeout: drill.Duration(targets[0].ScrapeTimeout), Server: version,
	}
	if r.intent.Kind == "" {
		r.refuseRule(rec, len(rule.Alerts))
	}
	return r.tape.Put(drill.Record{Rule: &rec})
}

// loadLimit is how long a server that was just started may take to load its rules.
const loadLimit = 3 * time.Second

// awaitRule waits for the first evaluation: before it the state is unknown.
func (r *run) awaitRule(ctx context.Context) (promcheck.Rule, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Spec.GiveUp.Baseline.D())
	defer cancel()
	for began := time.Now(); ; {
		rule, err := r.eyes.prom.Rule(ctx, r.Spec.Prometheus.Alert.Name, r.Spec.Prometheus.Alert.Labels)
		known := err == nil && rule.State != "unknown" && rule.Health != "unknown"
		missing := errors.Is(err, promcheck.ErrRuleNotFound)
		if known || err != nil && !missing || missing && time.Since(began) > loadLimit || pause(ctx, 200*time.Millisecond) != nil {
			return rule, err
		}
	}
}

func (r *run) refuseRule(rule drill.Rule, instances int) {
	if rule.Health != "ok" {
		r.refuse(refuseUnhealthy, fmt.Sprintf("rule %s has health %q: %s", rule.Name, rule.Health, rule.LastError))
	}
	if rule.State != "inactive" {
		r.refuse(refuseActive, fmt.Sprintf("alert %s is %s already, with %d instances: it would prove nothing", rule.Name, rule.State, instances))
	}
	vanishes, err := promcheck.VanishesWithTarget(rule.Expr, r.Spec.Prometheus.Target["job"])
	switch {
	case err != nil:
		r.refuse(refuseVanishes, fmt.Sprintf("read the expression of %s: %v", rule.Name, err))
	case vanishes:
		r.refuse(refuseVanishes, fmt.Sprintf("%s asks only for series that the target itself exports (%s): they go when it stops, and the alert stays silent", rule.Name, rule.Expr))
	}
}

func (r *run) streamURL() string {
	return strings.TrimSuffix(r.World.Bridge, "/") + r.Spec.Bridge.Stream
}
