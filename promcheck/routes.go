package promcheck

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/prometheus/alertmanager/pkg/labels"
	"go.yaml.in/yaml/v3"
)

// route is a node of Alertmanager's routing tree, so far as it decides who
// hears of an alert. Alertmanager's own package would bring every integration.
type route struct {
	Receiver string            `yaml:"receiver"`
	Match    map[string]string `yaml:"match"`
	MatchRE  map[string]string `yaml:"match_re"`
	Matchers []string          `yaml:"matchers"`
	Continue bool              `yaml:"continue"`
	Routes   []route           `yaml:"routes"`
}

// receiversOf gives the receivers of an alert with these labels that notify
// somebody, as the documentation of route describes the walk: the first child
// that matches, and the next ones too while they say continue; without one the
// node itself. https://prometheus.io/docs/alerting/latest/configuration/#route
func receiversOf(config string, alert map[string]string) ([]string, error) {
	var c struct {
		Route     route            `yaml:"route"`
		Receivers []map[string]any `yaml:"receivers"`
	}
	if err := yaml.Unmarshal([]byte(config), &c); err != nil {
		return nil, fmt.Errorf("read Alertmanager's configuration: %w", err)
	}
	names, err := c.Route.walk("", alert)
	if err != nil {
		return nil, fmt.Errorf("read Alertmanager's routes: %w", err)
	}
	var notifying []string
	for _, r := range c.Receivers {
		name, _ := r["name"].(string)
		if len(r) > 1 && slices.Contains(names, name) { // a name alone notifies nobody
			notifying = append(notifying, name)
		}
	}
	return notifying, nil
}

func (r route) walk(inherited string, alert map[string]string) (names []string, err error) {
	if r.Receiver == "" {
		r.Receiver = inherited
	}
	for _, child := range r.Routes {
		matches, err := child.matches(alert)
		if err != nil {
			return nil, err
		}
		if !matches {
			continue
		}
		below, err := child.walk(r.Receiver, alert)
		if err != nil {
			return nil, err
		}
		if names = append(names, below...); !child.Continue {
			break
		}
	}
	if len(names) == 0 {
		names = []string{r.Receiver}
	}
	return names, nil
}

func (r route) matches(alert map[string]string) (bool, error) {
	for k, v := range r.Match {
		if alert[k] != v {
			return false, nil
		}
	}
	for k, expr := range r.MatchRE {
		re, err := regexp.Compile("^(?:" + expr + ")$")
		if err != nil {
			return false, err
		}
		if !re.MatchString(alert[k]) {
			return false, nil
		}
	}
	for _, text := range r.Matchers {
		list, err := labels.ParseMatchers(text)
		if err != nil {
			return false, err
		}
		for _, m := range list {
			if !m.Matches(alert[m.Name]) {
				return false, nil
			}
		}
	}
	return true, nil
}
