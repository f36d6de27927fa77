package reports

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/aetherlink/aether/drill"
)

// specYAML writes a spec the way it is read, secrets masked. It goes by way of
// JSON, which leaves out what is not set and masks what is secret; JSON being
// YAML, the order of keys is kept.
func specYAML(s drill.Spec) ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode spec: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("encode spec: %w", err)
	}
	block(&doc)
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(&doc); err != nil {
		return nil, fmt.Errorf("encode spec: %w", err)
	}
	return out.Bytes(), nil
}

// block drops the JSON styles, so that yaml writes blocks and bare words.
func block(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		block(c)
	}
}
