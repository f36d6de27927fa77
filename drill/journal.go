package drill

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrTorn says that the last line of a journal is incomplete, as it is when the
// runner died while writing it. What stands before it is good.
var ErrTorn = errors.New("the last line is torn")

// ReadJournal parses JSON lines strictly: an unknown field is an error, since a
// fact that cannot be read must not be left out silently. With ErrTorn it still
// returns the records before the torn line.
func ReadJournal(b []byte) ([]Record, error) {
	var records []Record
	for n := 1; len(b) > 0; n++ {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		if !whole {
			return records, fmt.Errorf("journal line %d: %w", n, ErrTorn)
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		var r Record
		if err := d.Decode(&r); err != nil {
			return records, fmt.Errorf("journal line %d: %w", n, err)
		}
		if _, err := d.Token(); err != io.EOF {
			return records, fmt.Errorf("journal line %d: more than one record on it", n)
		}
		records = append(records, r)
		b = rest
	}
	return records, nil
}

// AppendLine adds a record to a journal as one line.
func AppendLine(b []byte, r Record) ([]byte, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return b, fmt.Errorf("encode journal line %d: %w", r.N, err)
	}
	return append(append(b, line...), '\n'), nil
}
