package live

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// maxFrame bounds the data of one event; Kafka's own limit is 1 MiB by default,
// and base64 and escapes make it larger.
const maxFrame = 64 << 20

// sseReader reads server-sent events as browsers do: lines end with CR, LF or
// both, a blank line ends a block, an id stays until another one replaces it.
// It lives as long as one connection.
type sseReader struct {
	in    *bufio.Reader
	line  []byte
	first bool // the next line is the first, which a byte order mark may begin
	cr    bool // the last line ended with CR: a LF that follows belongs to it

	name  []byte
	data  []byte
	any   bool // a data line was in the block
	id    []byte
	hasID bool          // an id line was seen on this connection
	retry time.Duration // 0: none was sent
}

// sseBlock is a block that had data. Its slices are valid until the next call.
type sseBlock struct {
	name string // "message" where the block has no name
	data []byte
}

func newSSEReader(r io.Reader, id string) *sseReader {
	return &sseReader{in: bufio.NewReaderSize(r, 256<<10), first: true, id: []byte(id)}
}

// lastID is what a browser would send as Last-Event-ID now. An id counts when
// its block has ended.
func (s *sseReader) lastID() string { return string(s.id) }

// next is the next block with data. A block that the end of the stream cuts is
// dropped, as browsers do.
func (s *sseReader) next() (sseBlock, error) {
	s.name, s.data, s.any = s.name[:0], s.data[:0], false
	var id []byte
	fresh := false
	for {
		line, err := s.readLine()
		if err != nil {
			return sseBlock{}, err
		}
		if len(line) > 0 {
			if v, ok := s.field(line); ok {
				id, fresh = append(id[:0], v...), true
			}
			if len(s.data) > maxFrame {
				return sseBlock{}, fmt.Errorf("an event is larger than %d MiB", maxFrame>>20)
			}
			continue
		}
		if fresh {
			s.id, s.hasID, fresh = append(s.id[:0], id...), true, false
		}
		if s.any {
			return sseBlock{name: s.blockName(), data: bytes.TrimSuffix(s.data, []byte{'\n'})}, nil
		}
		s.name = s.name[:0]
	}
}

func (s *sseReader) blockName() string {
	if len(s.name) == 0 {
		return "message"
	}
	return string(s.name)
}

// field takes one line; an id is returned, because it counts only with its block.
func (s *sseReader) field(line []byte) (id []byte, ok bool) {
	name, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "data":
		s.data = append(append(s.data, value...), '\n')
		s.any = true
	case "event":
		s.name = append(s.name[:0], value...)
	case "id":
		return value, bytes.IndexByte(value, 0) < 0
	case "retry":
		if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
			s.retry = time.Duration(ms) * time.Millisecond
		}
	}
	return nil, false
}

// readLine is the next line without its end, valid until the next call.
func (s *sseReader) readLine() ([]byte, error) {
	s.line = s.line[:0]
	for {
		chunk, err := s.peek()
		if err != nil {
			return nil, err
		}
		i := bytes.IndexAny(chunk, "\r\n")
		if i < 0 {
			s.line = append(s.line, chunk...)
			s.discard(len(chunk))
			if len(s.line) > maxFrame {
				return nil, fmt.Errorf("a line is longer than %d MiB", maxFrame>>20)
			}
			continue
		}
		s.line = append(s.line, chunk[:i]...)
		s.cr = chunk[i] == '\r'
		s.discard(i + 1)
		if s.first {
			s.first = false
			return bytes.TrimPrefix(s.line, []byte("\xef\xbb\xbf")), nil
		}
		return s.line, nil
	}
}

// peek is what is there, at least one byte, without a LF that ends a CR.
func (s *sseReader) peek() ([]byte, error) {
	for {
		if _, err := s.in.Peek(1); err != nil {
			return nil, err
		}
		chunk, err := s.in.Peek(s.in.Buffered())
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if !s.cr {
			return chunk, nil
		}
		s.cr = false
		if chunk[0] != '\n' {
			return chunk, nil
		}
		s.discard(1)
	}
}

func (s *sseReader) discard(n int) { _, _ = s.in.Discard(n) }
