package live

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/aetherlink/aether/drill"
)

// frame is what the data of an event has to carry, whoever made it.
type frame struct {
	Kind      string          `json:"kind"`
	Partition *int32          `json:"partition"`
	Offset    *int64          `json:"offset"`
	Key       json.RawMessage `json:"key"`
	KeyB64    *string         `json:"key_b64"`
	Value     json.RawMessage `json:"value"`
	ValueB64  *string         `json:"value_b64"`
}

// gapFrame is the data of an event named gap.
type gapFrame struct {
	Partition *int32 `json:"partition"`
	From      *int64 `json:"from"`
	To        *int64 `json:"to"`
	Reason    string `json:"reason"`
}

// readFrame reads the data of an event. control: it is no event of the topic
// and does not claim to be.
func readFrame(data []byte) (f frame, control bool, err error) {
	if err := json.Unmarshal(data, &f); err != nil {
		return f, false, fmt.Errorf("not readable: %w", err)
	}
	switch {
	case f.Partition == nil && f.Offset == nil && f.Value == nil && f.ValueB64 == nil:
		return f, true, nil
	case f.Partition == nil || f.Offset == nil || *f.Partition < 0 || *f.Offset < 0:
		return f, false, fmt.Errorf("no partition and offset in it")
	}
	return f, false, nil
}

// hashes are those of every reading that key and value allow: a service may
// carry text that is not JSON as a JSON string or as base64.
func (f frame) hashes(h drill.Hasher, into []uint64) []uint64 {
	key := text(f.Key)
	if f.KeyB64 != nil {
		key, _ = base64.StdEncoding.DecodeString(*f.KeyB64)
	}
	if f.ValueB64 != nil {
		value, err := base64.StdEncoding.DecodeString(*f.ValueB64)
		if err != nil {
			return into
		}
		return append(into, h.Event(key, append([]byte{}, value...)))
	}
	into = append(into, h.Event(key, f.Value))
	if len(f.Value) > 0 && f.Value[0] == '"' {
		into = append(into, h.Event(key, append([]byte{}, text(f.Value)...)))
	}
	return into
}

// text is what a JSON string means, and anything else as it is written.
func text(raw json.RawMessage) []byte {
	var s string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil
	case raw[0] == '"' && json.Unmarshal(raw, &s) == nil:
		return []byte(s)
	}
	return raw
}
