package drill

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
)

// What the drill's own events look like on the topic. They have the shape of
// the service's events, so that a filter or a viewer treats them as such.
const (
	EventType  = "AetherDrill"
	CanaryType = "AetherDrillCanary"
	HeaderID   = "aether-drill-id"

	// MinEventSize is the smallest value that holds every field, in bytes.
	MinEventSize = 320
)

// Event is one event of a drill. Canaries count their sequence numbers apart.
type Event struct {
	Type   string    `json:"Type"`
	Tenant string    `json:"TenantId"`
	Seq    int64     `json:"Seq"`
	Ts     time.Time `json:"Ts"`
	Drill  string    `json:"Drill"`
}

const sumField = `,"Sum":"`

// Encode is the event's value, padded to size bytes, its checksum last.
func (e Event) Encode(size int) ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode drill event %d: %w", e.Seq, err)
	}
	b = append(b[:len(b)-1], `,"Pad":"`...)
	const tail = len(`"`) + len(sumField) + 8 + len(`"}`)
	b = append(b, strings.Repeat("x", max(size-len(b)-tail, 0))...)
	b = append(b, '"')
	return fmt.Appendf(b, `%s%08x"}`, sumField, sum(b)), nil
}

// ParseEvent reads a drill event. ok: it is one; intact: not a byte of it was changed.
func ParseEvent(value []byte) (e Event, intact, ok bool) {
	if err := json.Unmarshal(value, &e); err != nil || e.Drill == "" || e.Type != EventType && e.Type != CanaryType {
		return Event{}, false, false
	}
	i := bytes.LastIndex(value, []byte(sumField))
	if i < 0 {
		return e, false, true
	}
	want := fmt.Appendf(nil, `%s%08x"}`, sumField, sum(value[:i]))
	return e, bytes.Equal(value[i:], want), true
}

func sum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
