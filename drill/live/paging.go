package live

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/promcheck"
)

// quietServer is an Alertmanager that would notify somebody, and the silence
// that keeps it from doing so.
type quietServer struct {
	*promcheck.Alertmanager
	id string
}

// refusePaging refuses an alert that somebody would be woken by, unless they
// are kept in peace. Nobody is where Prometheus has no Alertmanager.
func (r *run) refusePaging(ctx context.Context) error {
	bases, err := r.eyes.prom.Alertmanagers(ctx)
	if err != nil {
		return err
	}
	if named := r.Spec.Prometheus.Alertmanagers; len(named) > 0 && len(bases) > 0 {
		bases = named
	}
	alert := r.alertLabels(ctx)
	var who []string
	for _, base := range bases {
		server := promcheck.NewAlertmanager(base, http.DefaultTransport)
		receivers, err := server.Receivers(ctx, alert)
		if err != nil {
			r.refuse(refusePaging, fmt.Sprintf("who would be paged is not known: %v; name an address that works from here in prometheus.alertmanagers, or --allow %s", err, refusePaging))
			continue
		}
		if len(receivers) > 0 {
			who = append(who, fmt.Sprintf("%s (%s)", strings.Join(receivers, ", "), base))
			r.loud = append(r.loud, quietServer{Alertmanager: server})
		}
	}
	if len(who) > 0 && !r.Silence {
		r.refuse(refusePaging, fmt.Sprintf("%s goes to %s; say --silence to keep them in peace for the drill, or --allow %s if they may be paged", r.Spec.Prometheus.Alert.Name, strings.Join(who, "; "), refusePaging))
	}
	return nil
}

// alertLabels is what is known of the alert before it fires: its own labels,
// and those of the target that its expression is about.
func (r *run) alertLabels(ctx context.Context) map[string]string {
	labels := map[string]string{}
	if targets, err := r.eyes.prom.Target(ctx, r.Spec.Prometheus.Target); err == nil && len(targets) == 1 {
		maps.Copy(labels, targets[0].Labels)
	}
	r.tape.View(func(f *drill.Facts) {
		if rule := f.Rule(); rule != nil {
			maps.Copy(labels, rule.V.Labels)
		}
	})
	labels["alertname"] = r.Spec.Prometheus.Alert.Name
	return labels
}

// silence keeps the receivers in peace, a while longer than the drill can take.
// It goes by itself should nobody end it.
func (r *run) silence(ctx context.Context) error {
	if !r.Silence {
		return nil
	}
	until := time.Now().Add(r.Spec.GiveUp.Baseline.D() + r.Spec.Outage.Max.D() + r.Spec.GiveUp.Drain.D() + r.Spec.GiveUp.Settle.D() + restoreLimit)
	alert := maps.Clone(r.Spec.Prometheus.Alert.Labels)
	if alert == nil {
		alert = map[string]string{}
	}
	alert["alertname"] = r.Spec.Prometheus.Alert.Name
	for i := range r.loud {
		id, err := r.loud[i].Silence(ctx, alert, until, r.Info.Operator, "aether drill "+r.Info.ID)
		if err != nil {
			return err
		}
		r.loud[i].id = id
	}
	return nil
}

// unsilence ends what silence began, where the alert was seen to be over.
// Elsewhere the silence stays until it expires.
func (r *run) unsilence(ctx context.Context) {
	over := r.intent.Kind == ""
	r.tape.View(func(f *drill.Facts) {
		settle, ok := f.Stage(drill.StageSettle)
		over = over || ok && !settle.Finished.IsZero() && settle.Reason == ""
	})
	if !over {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	for _, s := range r.loud {
		if s.id == "" {
			continue
		}
		if err := s.Expire(ctx, s.id); err != nil {
			r.Log.Warn("a silence stays until it expires", "id", s.id, "err", err)
		}
	}
}
