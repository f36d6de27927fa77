package monitoring

import (
	"log/slog"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

func TestRulesLoad(t *testing.T) {
	groups, errs := rulefmt.Parse(Rules(), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	alerts := map[string]bool{}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			alerts[r.Alert] = true
			for _, want := range []string{"summary", "description", "runbook_url"} {
				if r.Annotations[want] == "" {
					t.Errorf("%s has no %s", r.Alert, want)
				}
			}
			if r.Labels["team"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s has no team or severity: no route finds it", r.Alert)
			}
		}
	}
	if !alerts["CrmEventsServiceDown"] {
		t.Error("CrmEventsServiceDown, which is drilled, is not among the alerts")
	}
}
