//go:build !slim

package embedded

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/prometheus/common/model"
)

// onClock rewrites a rules file for a drill's clock: the interval of every
// group and the `for` of the drilled alert, and nothing else. changes says what
// was replaced, for the reader of a report.
func onClock(file []byte, alert string, evaluate, hold time.Duration) (out []byte, changes []string, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(file, &doc); err != nil {
		return nil, nil, fmt.Errorf("read rules: %w", err)
	}
	found := false
	for _, group := range items(child(&doc, "groups")) {
		if v := child(group, "interval"); v != nil && v.Value != spell(evaluate) {
			changes = append(changes, fmt.Sprintf("group %s is evaluated every %s instead of %s", child(group, "name").Value, spell(evaluate), v.Value))
			v.Value = spell(evaluate)
		}
		for _, rule := range items(child(group, "rules")) {
			name, wait := child(rule, "alert"), child(rule, "for")
			if name == nil || name.Value != alert {
				continue
			}
			found = true
			if wait != nil && wait.Value != spell(hold) {
				changes = append(changes, fmt.Sprintf("%s waits for %s instead of %s", alert, spell(hold), wait.Value))
				wait.Value = spell(hold)
			}
		}
	}
	if !found {
		return nil, nil, fmt.Errorf("the embedded rules have no alert %s", alert)
	}
	out, err = yaml.Marshal(&doc)
	return out, changes, err
}

// spell writes a duration as Prometheus reads it.
func spell(d time.Duration) string { return model.Duration(d).String() }

func child(n *yaml.Node, key string) *yaml.Node {
	if n != nil && n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}
