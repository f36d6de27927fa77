package bridge

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// Vector is the next offset of every partition; index = partition. Where two of
// different length meet, the shorter one has zeros: a partition that it does not
// know was added later and begins at 0.
type Vector []int64

// at is the offset of partition p.
func (v Vector) at(p int) int64 {
	if p < len(v) {
		return v[p]
	}
	return 0
}

// covers says that v is not behind w in any partition.
func (v Vector) covers(w Vector) bool {
	for p, o := range w {
		if v.at(p) < o {
			return false
		}
	}
	return true
}

func (v Vector) clone() Vector { return append(make(Vector, 0, len(v)), v...) }

// topicTag is a topic's identity in an event id: 64 bits of its topic id, or
// nothing where the broker has no topic ids.
func topicTag(id string) string {
	if id == "" {
		return ""
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return strconv.FormatUint(h.Sum64(), 36)
}

// An event id is tag~o0.o1.o2…, offsets in base 36. Only characters that need no
// CORS preflight occur in it, and with seven partitions or so of a billion
// records it is well below the 128 bytes that need none either.

// appendID writes the id of a position.
func appendID(b []byte, tag string, v Vector) []byte {
	b = append(append(b, tag...), '~')
	for p, o := range v {
		if p > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, o, 36)
	}
	return b
}

// maxPartitions bounds what an id may name; Kafka clusters end far below it.
const maxPartitions = 100_000

var errID = errors.New("not an event id of this service")

// parseID reads what appendID wrote, and nothing else: an id that is nearly
// right is more likely to lose events than one that is refused.
func parseID(s string) (tag string, v Vector, err error) {
	tag, list, ok := strings.Cut(s, "~")
	if !ok || len(tag) > 13 {
		return "", nil, fmt.Errorf("%w: %.40q", errID, s)
	}
	if tag != "" {
		if n, err := strconv.ParseUint(tag, 36, 64); err != nil || strconv.FormatUint(n, 36) != tag {
			return "", nil, fmt.Errorf("%w: %.40q", errID, s)
		}
	}
	if strings.Count(list, ".") >= maxPartitions {
		return "", nil, fmt.Errorf("%w: it names more than %d partitions", errID, maxPartitions)
	}
	for part := range strings.SplitSeq(list, ".") {
		o, err := strconv.ParseInt(part, 36, 64)
		if err != nil || o < 0 || strconv.FormatInt(o, 36) != part {
			return "", nil, fmt.Errorf("%w: %.40q", errID, s)
		}
		v = append(v, o)
	}
	return tag, v, nil
}
