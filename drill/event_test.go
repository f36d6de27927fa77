package drill

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestEvent(t *testing.T) {
	e := Event{Type: EventType, Tenant: "00000000-0000-0000-0000-000000000001", Seq: 7, Ts: tick, Drill: "20261123T105000Z-crm-events-lag-recovery-0001"}
	for _, size := range []int{0, MinEventSize, 512, 900 << 10} {
		value, err := e.Encode(size)
		if err != nil || !json.Valid(value) {
			t.Fatalf("%d bytes: %v, %.80s", size, err, value)
		}
		if size >= MinEventSize && len(value) != size {
			t.Errorf("%d bytes asked for, %d made", size, len(value))
		}
		got, intact, ok := ParseEvent(value)
		if got != e || !intact || !ok {
			t.Errorf("%d bytes: %+v, intact %v, ours %v", size, got, intact, ok)
		}
	}
}

// The longest names that a spec allows fit into the least size that it allows.
func TestMinEventSizeHoldsEveryField(t *testing.T) {
	long := func(n int) string { return strings.Repeat("s", n) }
	e := Event{Type: CanaryType, Tenant: long(64), Seq: 9_999_999, Ts: tick.Add(123456789), Drill: "20261123T105000Z-" + long(63) + "-0001"}
	value, err := e.Encode(MinEventSize)
	if err != nil || len(value) != MinEventSize {
		t.Errorf("%d bytes, %v", len(value), err)
	}
}

func TestEveryChangedByteIsSeen(t *testing.T) {
	value, err := Event{Type: EventType, Seq: 7, Ts: tick, Drill: "d"}.Encode(MinEventSize)
	if err != nil {
		t.Fatal(err)
	}
	for i := range value {
		other := append([]byte(nil), value...)
		other[i] ^= 1
		if _, intact, ok := ParseEvent(other); ok && intact {
			t.Fatalf("byte %d of %s changed, taken for intact", i, other)
		}
	}
	for _, foreign := range []string{``, `{}`, `null`, `{"Type":"AetherDrill"}`, `{"Type":"Other","Drill":"d"}`, `[1]`} {
		if _, _, ok := ParseEvent([]byte(foreign)); ok {
			t.Errorf("%s is taken for ours", foreign)
		}
	}
}
