package live

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aetherlink/aether/drill"
)

func TestSSEReader(t *testing.T) {
	for _, row := range []struct {
		name, in string
		want     []string // name=data
		id       string
		hasID    bool
		retry    time.Duration
	}{
		{"line feeds", "data: a\n\ndata: b\n\n", []string{"message=a", "message=b"}, "", false, 0},
		{"carriage returns", "data: a\r\rdata: b\r\r", []string{"message=a", "message=b"}, "", false, 0},
		{"both", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"message=a", "message=b"}, "", false, 0},
		{"byte order mark", "\xef\xbb\xbfdata: a\n\n", []string{"message=a"}, "", false, 0},
		{"mark in the middle is text", "data: a\n\n\xef\xbb\xbfdata: b\n\ndata: c\n\n", []string{"message=a", "message=c"}, "", false, 0},
		{"lines of data", "data: a\ndata:b\ndata:  c\ndata\n\n", []string{"message=a\nb\n c\n"}, "", false, 0},
		{"comment, unknown field", ": x\nfoo: 1\ndata: a\n\n", []string{"message=a"}, "", false, 0},
		{"named", "event: gap\ndata: a\n\ndata: b\n\n", []string{"gap=a", "message=b"}, "", false, 0},
		{"a name without data is forgotten", "event: gap\n\ndata: b\n\n", []string{"message=b"}, "", false, 0},
		{"id stays", "id: 7\ndata: a\n\ndata: b\n\n", []string{"message=a", "message=b"}, "7", true, 0},
		{"id without data counts", "id: 7\n\n", nil, "7", true, 0},
		{"id of a torn block does not", "id: 7\ndata: a\n\nid: 8\ndata: b", []string{"message=a"}, "7", true, 0},
		{"empty id takes it back", "id: 7\n\nid\n\n", nil, "", true, 0},
		{"id with NUL is none", "id: 7\n\nid: 8\x00\n\n", nil, "7", true, 0},
		{"retry", "retry: 50\n\nretry: x\n\nretry: -5\n\n", nil, "", false, 50 * time.Millisecond},
		{"torn", "data: a\n", nil, "", false, 0},
		{"empty data", "data\n\n", []string{"message="}, "", false, 0},
	} {
		for how, in := range map[string]io.Reader{"whole": strings.NewReader(row.in), "byte by byte": iotest.OneByteReader(strings.NewReader(row.in))} {
			s := newSSEReader(in, "")
			var got []string
			b, err := s.next()
			for ; err == nil; b, err = s.next() {
				got = append(got, b.name+"="+string(b.data))
			}
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s, %s: %v", row.name, how, err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("%s, %s (-want +got)\n%s", row.name, how, diff)
			}
			if s.lastID() != row.id || s.hasID != row.hasID || s.retry != row.retry {
				t.Errorf("%s, %s: id %q %v, retry %s", row.name, how, s.lastID(), s.hasID, s.retry)
			}
		}
	}
}

func TestSSEReaderTakesLongLines(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	s := newSSEReader(strings.NewReader("data: "+long+"\n\n"), "")
	b, err := s.next()
	if err != nil || string(b.data) != long {
		t.Fatalf("%d bytes, %v", len(b.data), err)
	}
}

// Whatever a service does to carry text and bytes, what it says has to be found
// equal to what the log has, and a byte that differs has to be found.
func TestFrameContent(t *testing.T) {
	h := drill.NewHasher()
	for _, row := range []struct {
		name, data string
		key, value []byte
		same       bool
	}{
		{"JSON", `{"partition":0,"offset":1,"key":"k","value":{"b":2,"a":1}}`, []byte("k"), []byte(`{"a":1,"b":2}`), true},
		{"another value", `{"partition":0,"offset":1,"key":"k","value":{"b":2,"a":2}}`, []byte("k"), []byte(`{"a":1,"b":2}`), false},
		{"another key", `{"partition":0,"offset":1,"key":"l","value":{}}`, []byte("k"), []byte(`{}`), false},
		{"text as a string", `{"partition":0,"offset":1,"key":null,"value":"not JSON"}`, nil, []byte(`not JSON`), true},
		{"a JSON string", `{"partition":0,"offset":1,"key":null,"value":"text"}`, nil, []byte(`"text"`), true},
		{"base64", `{"partition":0,"offset":1,"key_b64":"AAE=","value":null,"value_b64":"/w=="}`, []byte{0, 1}, []byte{255}, true},
		{"base64 of nothing", `{"partition":0,"offset":1,"key":null,"value":null,"value_b64":""}`, nil, []byte{}, true},
		{"bad base64", `{"partition":0,"offset":1,"key":null,"value_b64":"!"}`, nil, []byte{255}, false},
		{"tombstone", `{"partition":0,"offset":1,"key":"k","value":null,"tombstone":true}`, []byte("k"), nil, true},
	} {
		f, control, err := readFrame([]byte(row.data))
		if err != nil || control {
			t.Fatalf("%s: control %v, %v", row.name, control, err)
		}
		same := false
		for _, x := range f.hashes(h, nil) {
			same = same || x == h.Event(row.key, row.value)
		}
		if same != row.same {
			t.Errorf("%s: same is %v", row.name, same)
		}
	}
	for data, control := range map[string]bool{`{"kind":"connected","partitions":3}`: true, `{}`: true} {
		if _, got, err := readFrame([]byte(data)); got != control || err != nil {
			t.Errorf("%s: control %v, %v", data, got, err)
		}
	}
	for _, data := range []string{`{"partition":1}`, `{"offset":1,"value":2}`, `{"value":2}`, `{"partition":-1,"offset":0}`, `not JSON`, `{"partition":"a","offset":0}`} {
		if _, control, err := readFrame([]byte(data)); err == nil || control {
			t.Errorf("%s was read", data)
		}
	}
}
