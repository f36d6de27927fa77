package live

import (
	"context"
	"fmt"
	"time"

	"github.com/aetherlink/aether/drill"
)

// decideChecks says, before the fault, which checks this target cannot have: a
// service that is not ours need not expose our series. Our own bridge has to, so
// without one of them its check stays and comes out inconclusive. In a world
// that is not ours the spec names the counter itself: a name that matches
// nothing is a mistake there, and refused.
func (r *run) decideChecks(ctx context.Context) error {
	if r.World.Own {
		return nil
	}
	missing, err := r.missingSeries(ctx)
	if err != nil {
		return err
	}
	for _, name := range missing {
		if name == r.Spec.Prometheus.Counter && r.Spec.Embedded == nil {
			r.refuse(refuseCounter, fmt.Sprintf("%s has no sample for the target %s; name the service's own counter of Kafka events in prometheus.counter, or --allow %s to go without", name, selector(r.Spec.Prometheus.Target), refuseCounter))
		}
	}
	if err := r.refused(); err != nil {
		return err
	}
	return r.notApplicable(missing)
}

// missingSeries waits for a scrape that began after the canaries were through,
// for some services expose a series with its first event only.
func (r *run) missingSeries(ctx context.Context) (missing []string, err error) {
	from := time.Now()
	names := []string{r.Spec.Prometheus.Counter, seriesStarted, seriesClients}
	err = r.tape.Until(ctx, func(f *drill.Facts) bool {
		missing = nil
		for _, name := range names {
			if _, _, ok := f.Series(name).Last(); !ok {
				missing = append(missing, name)
			}
		}
		up, _, ok := f.Series("up").Last()
		return len(missing) == 0 || ok && up.At.After(promTime(f, from))
	})
	return missing, err
}

// notApplicable writes down each check that needs one of the series.
func (r *run) notApplicable(missing []string) error {
	needs := []struct{ check, series string }{
		{"counter.exact", r.Spec.Prometheus.Counter}, {"counter.exact", seriesStarted},
		{"rate.spike", r.Spec.Prometheus.Counter}, {"rate.spike", seriesStarted},
		{"sse.clients", seriesClients},
	}
	said := map[string]bool{}
	for _, n := range needs {
		for _, name := range missing {
			if name != n.series || said[n.check] {
				continue
			}
			said[n.check] = true
			if err := r.tape.Put(drill.Record{NotApplicable: &drill.NotApplicable{Check: n.check, Reason: "the target does not expose " + name}}); err != nil {
				return err
			}
		}
	}
	return nil
}
