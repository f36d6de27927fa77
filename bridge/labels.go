package bridge

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"unicode/utf8"
)

// labels are what a filter may ask of a record.
type labels struct{ tenant, kind string }

// scanLimit bounds how far into a value labels are looked for, in bytes.
const scanLimit = 16 << 10

// labelsOf reads headers first, else the value's own fields. Both spellings of
// the topic's envelopes are known.
func labelsOf(r *Record) (l labels) {
	for _, h := range r.Headers {
		switch h.Key {
		case "tenant_id", "TenantId":
			l.tenant = uuidOrText(h.Value)
		case "event_type", "type", "Type":
			if utf8.Valid(h.Value) {
				l.kind = string(h.Value)
			}
		}
	}
	if l.tenant == "" || l.kind == "" {
		scanLabels(r.Value[:min(len(r.Value), scanLimit)], &l)
	}
	return l
}

// uuidOrText writes 16 binary bytes as a UUID's text.
func uuidOrText(b []byte) string {
	if len(b) == 16 && (!utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0) {
		var t [36]byte
		at := 0
		for i, c := range b {
			if i == 4 || i == 6 || i == 8 || i == 10 {
				t[at] = '-'
				at++
			}
			hex.Encode(t[at:], []byte{c})
			at += 2
		}
		return string(t[:])
	}
	if !utf8.Valid(b) {
		return ""
	}
	return string(b)
}

// scanLabels looks for fields of the outermost object, in one pass and without
// taking anything else apart.
func scanLabels(v []byte, l *labels) {
	depth, key := 0, []byte(nil)
	for i := 0; i < len(v); i++ {
		switch c := v[i]; c {
		case '{', '[':
			depth++
			key = nil
		case '}', ']':
			depth--
		case ',':
			key = nil
		case '"':
			end := stringEnd(v, i)
			if end < 0 {
				return
			}
			text := v[i+1 : end]
			i = end
			switch {
			case depth != 1:
			case key == nil:
				key = text
			default:
				l.set(key, text)
			}
		}
		if l.tenant != "" && l.kind != "" {
			return
		}
	}
}

func (l *labels) set(key, value []byte) {
	switch string(key) {
	case "TenantId", "tenant_id":
		if l.tenant == "" {
			l.tenant = meaning(value)
		}
	case "Type", "type":
		if l.kind == "" {
			l.kind = meaning(value)
		}
	}
}

// meaning is the text of a JSON string's inside.
func meaning(inside []byte) string {
	if bytes.IndexByte(inside, '\\') < 0 {
		return string(inside)
	}
	var s string
	if json.Unmarshal(append(append([]byte{'"'}, inside...), '"'), &s) != nil {
		return ""
	}
	return s
}

// stringEnd is where the string that begins at v[start] ends, -1 if nowhere.
func stringEnd(v []byte, start int) int {
	for i := start + 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
