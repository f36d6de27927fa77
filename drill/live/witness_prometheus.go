package live

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/promcheck"
)

// promWitness asks Prometheus for raw samples, again and again, and puts those
// on the tape that are new.
type promWitness struct {
	client *promcheck.Client
	tape   *Tape
	log    *slog.Logger
	every  time.Duration
	offset func() time.Duration
	look   []look
	last   map[string]time.Time // newest sample on the tape, by series
	put    map[string]time.Time // when a series was last put on the tape
	asked  time.Time            // the last round that answered
	blind  *drill.Blind         // since when it could not look
}

// look is one selector. states is set for ALERTS, whose absence is a fact too.
type look struct {
	name, selector string
	states         []string
}

func newPromWitness(c *promcheck.Client, r *run) *promWitness {
	s := r.Spec
	target := selector(s.Prometheus.Target)
	alert := map[string]string{"alertname": s.Prometheus.Alert.Name}
	for k, v := range s.Prometheus.Alert.Labels {
		alert[k] = v
	}
	w := &promWitness{
		client: c, tape: r.tape, log: r.Log, last: map[string]time.Time{}, put: map[string]time.Time{},
		every:  min(max(r.eyes.scrape/2, 250*time.Millisecond), 5*time.Second),
		offset: r.promOffset,
	}
	for _, name := range []string{"up", "scrape_duration_seconds", s.Prometheus.Counter, seriesStarted, seriesClients} {
		w.look = append(w.look, look{name: name, selector: name + target})
	}
	w.look = append(w.look,
		look{name: "ALERTS", selector: "ALERTS" + selector(alert), states: []string{"pending", "firing"}},
		look{name: "kafka_consumergroup_lag_sum", selector: "kafka_consumergroup_lag_sum" + selector(map[string]string{"consumergroup": s.Kafka.Group, "topic": s.Kafka.Topic})},
	)
	return w
}

// selector writes label matchers, sorted.
func selector(labels map[string]string) string {
	var parts []string
	for _, k := range sortedNames(labels) {
		parts = append(parts, k+"="+strconv.Quote(labels[k]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (w *promWitness) watch(ctx context.Context) {
	for {
		w.round(ctx)
		if pause(ctx, w.every) != nil {
			return
		}
	}
}

// overlap is how far each look reaches back beyond the one before: samples
// become visible when their scrape ends, which may be a while after their time.
const overlap = 15 * time.Second

func (w *promWitness) round(ctx context.Context) {
	began := time.Now().UTC()
	back := overlap
	if !w.asked.IsZero() {
		back += began.Sub(w.asked)
	}
	for _, l := range w.look {
		found, err := w.client.Raw(ctx, l.selector, back)
		if err == nil {
			err = w.record(l, found, began, back)
		}
		if err != nil {
			w.failed(ctx, began, err)
			return
		}
	}
	w.asked = began
	if w.blind != nil {
		w.blind.To = began
		_ = w.tape.Put(drill.Record{Blind: w.blind})
		w.blind = nil
	}
}

func (w *promWitness) failed(ctx context.Context, at time.Time, err error) {
	if ctx.Err() != nil || w.blind != nil {
		return
	}
	w.log.Warn("Prometheus did not answer", "err", err)
	w.blind = &drill.Blind{Witness: "prometheus", From: at, Reason: err.Error()}
	if !w.asked.IsZero() {
		w.blind.From = w.asked
	}
}

// record puts what is new on the tape, and about once a second that nothing is.
func (w *promWitness) record(l look, found []promcheck.Series, asked time.Time, back time.Duration) error {
	byState := map[string]promcheck.Series{}
	for _, s := range found {
		state := s.Labels["alertstate"]
		if _, twice := byState[state]; twice {
			return fmt.Errorf("%s matches more than one series; name more labels", l.selector)
		}
		byState[state] = s
	}
	states := l.states
	if states == nil {
		states = []string{""}
	}
	for _, state := range states {
		if err := w.recordOne(l.name, state, byState[state], asked, back); err != nil {
			return err
		}
	}
	return nil
}

func (w *promWitness) recordOne(name, state string, found promcheck.Series, asked time.Time, back time.Duration) error {
	key := name + "/" + state
	to := asked.Add(w.offset())
	rec := drill.Series{Name: name, Labels: found.Labels, From: to.Add(-back), To: to, Points: []drill.Point{}}
	if rec.Labels == nil && state != "" {
		rec.Labels = map[string]string{"alertstate": state}
	}
	for _, p := range found.Points {
		if p.At.After(w.last[key]) {
			rec.Points = append(rec.Points, drill.Point{At: p.At.UTC(), Value: p.Value})
		}
	}
	if len(rec.Points) == 0 && asked.Sub(w.put[key]) < time.Second {
		return nil
	}
	if n := len(rec.Points); n > 0 {
		w.last[key] = rec.Points[n-1].At
	}
	w.put[key] = asked
	return w.tape.Put(drill.Record{Series: &rec})
}
