package promcheck

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// duration reads Prometheus's own spelling, such as 1m30s.
func duration(s string) (time.Duration, error) {
	d, err := model.ParseDuration(s)
	return time.Duration(d), err
}

// VanishesWithTarget says whether an alert's expression asks only for series
// that the scrape target of that job exports itself. Those go stale at the
// first failed scrape, so such an alert is silent when it matters most. The
// server's own series of a target (up, scrape_…), absent(…), recorded series
// and series of other jobs stay.
func VanishesWithTarget(expr, job string) (bool, error) {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return false, fmt.Errorf("parse expression %q: %w", expr, err)
	}
	selectors, lasting := 0, false
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.Call:
			if n.Func.Name == "absent" || n.Func.Name == "absent_over_time" {
				lasting = true
			}
		case *parser.VectorSelector:
			selectors++
			lasting = lasting || stays(n, job)
		}
		return nil
	})
	return selectors > 0 && !lasting, nil
}

// stays: the series is not the target's own, as far as the selector tells.
func stays(s *parser.VectorSelector, job string) bool {
	name, sameJob := s.Name, true
	for _, m := range s.LabelMatchers {
		switch {
		case m.Name == model.MetricNameLabel && m.Type.String() == "=":
			name = m.Value
		case m.Name == "job":
			sameJob = m.Matches(job)
		}
	}
	return !sameJob || serverOwn(name)
}

// serverOwn: written by Prometheus about a target or by a rule, and so still
// there when the target is not.
func serverOwn(name string) bool {
	switch name {
	case "up", "ALERTS", "ALERTS_FOR_STATE":
		return true
	}
	recorded := strings.Contains(name, ":")
	return recorded || strings.HasPrefix(name, "scrape_") || strings.HasPrefix(name, "kafka_") // of the lag exporter's job
}
