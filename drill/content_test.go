package drill

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSameMeaningSameHash(t *testing.T) {
	h := NewHasher()
	for _, same := range [][]string{
		{`{"a":1,"b":[true,null]}`, ` { "b" : [ true , null ] , "a" : 1 } `, "{\n\t\"a\":1,\r\n\"b\":[true,null]}"},
		{`{"a":"é\n/"}`, `{"a":"\u00e9\u000a\/"}`},
		{`{"\u0061":1}`, `{"a":1}`},
		{`1`, `1.0`, `1e0`, `10e-1`},
		{`0.1`, `1e-1`, `0.10`},
		{`9007199254740993`, ` 9007199254740993`},
		{`""`, ` ""`},
	} {
		for _, x := range same[1:] {
			if h.Event(nil, []byte(same[0])) != h.Event(nil, []byte(x)) {
				t.Errorf("%q and %q mean the same", same[0], x)
			}
		}
	}
	if h.Event(nil, []byte(`1`)) != h.Event([]byte{}, []byte(`1`)) {
		t.Error("no key and an empty one are told apart")
	}
}

func TestOtherMeaningOtherHash(t *testing.T) {
	h := NewHasher()
	seen := map[uint64]string{}
	for _, x := range []string{
		`{}`, `[]`, `""`, `null`, `true`, `false`, `0`, `1`, `-1`, `"1"`, `"null"`, ``, ` `, `{`, `{}x`, `{} {}`, `{"a":1}`, `{"a":2}`, `{"b":1}`, `{"a":1,"a":1}`,
		`{"a":{"b":1}}`, `{"a":{}, "b":1}`, `[1,2]`, `[2,1]`, `[[1],2]`, `[[1,2]]`, `[1,[2]]`, `{"a":"b"}`, `{"b":"a"}`, `["a","b"]`, `["ab"]`, `0.1`, `0.2`, `1e400`, `1e401`,
		`9007199254740992.0`, `9007199254740993`, `9007199254740994`, `01`, `1.`, `.1`, `+1`, `"\u00e9"`, `"e"`, "\"a\nb\"", `"a\nb"`, `tru`, `nul`, `{"a":}`, `{"a"}`, `[1,]`, `{"a":1,}`, "\xff", "\"\xff\"", `"\ud800"`,
	} {
		sum := h.Event(nil, []byte(x))
		if other, there := seen[sum]; there {
			t.Errorf("%q and %q have the same hash", x, other)
		}
		if sum == 0 {
			t.Errorf("%q hashes to 0, which means no event", x)
		}
		seen[sum] = x
	}
	if h.Event([]byte("k"), []byte(`1`)) == h.Event(nil, []byte(`1`)) || h.Event([]byte("k"), []byte(`1`)) == h.Event([]byte("l"), []byte(`1`)) {
		t.Error("the key does not matter")
	}
	if h.Event(nil, nil) == h.Event(nil, []byte{}) {
		t.Error("a tombstone and an empty value are the same")
	}
	if NewHasher().Event(nil, []byte(`1`)) == h.Event(nil, []byte(`1`)) {
		t.Error("two hashers agree")
	}
}

func TestDeepNestingIsNoStackOverflow(t *testing.T) {
	h := NewHasher()
	a, b := strings.Repeat("[", 1<<20), strings.Repeat("[", 1<<20)+"]"
	if h.Event(nil, []byte(a)) == h.Event(nil, []byte(b)) {
		t.Error("beyond the depth bytes do not matter")
	}
}

// One changed byte changes the hash, unless both still mean the same.
func FuzzHash(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2,{"b":"c\u00e9"}],"d":null}`, `"x"`, `1.50`, ``, "\xff\x00", ` [ ] `} {
		f.Add([]byte(seed), 0, byte(1))
	}
	h := NewHasher()
	f.Fuzz(func(t *testing.T, value []byte, at int, by byte) {
		sum := h.Event(nil, value)
		var meaning any
		if json.Valid(value) && utf8.Valid(value) && json.Unmarshal(value, &meaning) == nil && !strings.Contains(string(value), `\u`) {
			indented, err := json.MarshalIndent(json.RawMessage(value), " ", "\t")
			if err == nil && h.Event(nil, indented) != sum {
				t.Fatalf("%q and %q mean the same", value, indented)
			}
		}
		if len(value) == 0 || by == 0 {
			return
		}
		other := append([]byte(nil), value...)
		other[((at%len(other))+len(other))%len(other)] ^= by
		if h.Event(nil, other) != sum {
			return
		}
		var a, b any
		if err := errors.Join(json.Unmarshal(value, &a), json.Unmarshal(other, &b)); err != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("%q and %q have the same hash: %v", value, other, err)
		}
	})
}
