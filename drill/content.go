package drill

import (
	"encoding/json"
	"hash/maphash"
	"math"
	"strconv"
	"unicode/utf8"
)

// Hasher turns what an event says into 64 bits. Two JSON texts that mean the
// same have the same hash, however a service has spaced, escaped or ordered
// them; anything else is hashed byte by byte. Hashes of different Hashers do
// not compare. Safe for concurrent use.
type Hasher struct{ seed maphash.Seed }

// NewHasher has a seed of its own.
func NewHasher() Hasher { return Hasher{seed: maphash.MakeSeed()} }

// Event hashes key and value together. A missing key and an empty one are the
// same, as are a tombstone and a JSON null: services do not tell them apart.
func (h Hasher) Event(key, value []byte) uint64 {
	sum := h.value(value)
	if len(key) > 0 {
		sum = h.mix('k', sum, maphash.Bytes(h.seed, key))
	}
	return max(sum, 1) // 0 means that there is no event
}

func (h Hasher) value(b []byte) uint64 {
	if b == nil {
		return h.mix('n', 0, 0)
	}
	s := scan{h: h, b: b}
	sum, ok := s.value(0)
	s.space()
	if !ok || s.i != len(b) || !utf8.Valid(b) { // JSON is UTF-8
		return h.mix('b', maphash.Bytes(h.seed, b), 0)
	}
	return sum
}

func (h Hasher) mix(tag byte, a, b uint64) uint64 {
	var buf [17]byte
	buf[0] = tag
	for i := range 8 {
		buf[1+i], buf[9+i] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	return maphash.Bytes(h.seed, buf[:])
}

// scan is a JSON reader that keeps nothing but the hash.
type scan struct {
	h Hasher
	b []byte
	i int
}

const maxDepth = 256

func (s *scan) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\t' || s.b[s.i] == '\n' || s.b[s.i] == '\r') {
		s.i++
	}
}

func (s *scan) eat(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scan) value(depth int) (uint64, bool) {
	s.space()
	if s.i >= len(s.b) || depth > maxDepth {
		return 0, false
	}
	switch c := s.b[s.i]; c {
	case '{':
		return s.object(depth)
	case '[':
		return s.array(depth)
	case '"':
		return s.text()
	case 't':
		return s.word("true", 't')
	case 'f':
		return s.word("false", 'f')
	case 'n':
		return s.word("null", 'n')
	default:
		return s.number()
	}
}

func (s *scan) word(w string, tag byte) (uint64, bool) {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return 0, false
	}
	s.i += len(w)
	return s.h.mix(tag, 0, 0), true
}

// object adds its members up, so that their order does not matter.
func (s *scan) object(depth int) (sum uint64, ok bool) {
	s.i++
	if s.eat('}') {
		return s.h.mix('o', 0, 0), true
	}
	for n := uint64(1); ; n++ {
		s.space()
		if s.i >= len(s.b) || s.b[s.i] != '"' {
			return 0, false
		}
		k, ok := s.text()
		if !ok || !s.eat(':') {
			return 0, false
		}
		v, ok := s.value(depth + 1)
		if !ok {
			return 0, false
		}
		sum += s.h.mix('m', k, v)
		if s.eat('}') {
			return s.h.mix('o', sum, n), true
		}
		if !s.eat(',') {
			return 0, false
		}
	}
}

func (s *scan) array(depth int) (sum uint64, ok bool) {
	s.i++
	if s.eat(']') {
		return s.h.mix('a', 0, 0), true
	}
	for {
		v, ok := s.value(depth + 1)
		if !ok {
			return 0, false
		}
		sum = s.h.mix('a', sum, v)
		if s.eat(']') {
			return sum, true
		}
		if !s.eat(',') {
			return 0, false
		}
	}
}

// text hashes what a string means: escapes are resolved where there are any.
func (s *scan) text() (uint64, bool) {
	start := s.i
	s.i++
	plain := true
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			if plain {
				return s.h.mix('s', maphash.Bytes(s.h.seed, s.b[start+1:s.i-1]), 0), true
			}
			var meaning string
			if json.Unmarshal(s.b[start:s.i], &meaning) != nil {
				return 0, false
			}
			return s.h.mix('s', maphash.String(s.h.seed, meaning), 0), true
		case c == '\\':
			plain = false
			s.i++
		case c < ' ':
			return 0, false
		}
	}
	return 0, false
}

// number takes 1, 1.0 and 1e0 for the same; whole numbers keep every digit.
func (s *scan) number() (uint64, bool) {
	start := s.i
	for s.i < len(s.b) && (s.b[s.i] >= '0' && s.b[s.i] <= '9' || s.b[s.i] == '-' || s.b[s.i] == '+' || s.b[s.i] == '.' || s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		s.i++
	}
	lit := s.b[start:s.i]
	if !json.Valid(lit) {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(lit), 10, 64); err == nil {
		return s.h.mix('i', uint64(n), 0), true
	}
	f, err := strconv.ParseFloat(string(lit), 64)
	switch {
	case err != nil, math.Abs(f) >= 1<<53:
		return s.h.mix('d', maphash.Bytes(s.h.seed, lit), 0), true
	case f == math.Trunc(f):
		return s.h.mix('i', uint64(int64(f)), 0), true
	default:
		return s.h.mix('d', math.Float64bits(f), 0), true
	}
}
