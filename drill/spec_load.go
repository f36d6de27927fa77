package drill

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Problem is one thing wrong with a spec, at a path such as outage.hold.
type Problem struct {
	Path   string
	Line   int // 0: not from a line
	Reason string
}

func (p Problem) Error() string {
	if p.Line > 0 {
		return fmt.Sprintf("line %d: %s: %s", p.Line, p.Path, p.Reason)
	}
	return p.Path + ": " + p.Reason
}

// LoadSpec reads a spec strictly: unknown keys, wrong types and missing
// variables are errors, all of them at once. ${VAR} is expanded by lookup in
// scalars that were already parsed, so a variable cannot change the structure.
// The result has its defaults and is valid.
func LoadSpec(text []byte, lookup func(string) (string, bool)) (Spec, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return Spec{}, fmt.Errorf("read spec: %w", err)
	}
	s := newSpec()
	d := decoder{lookup: lookup}
	if len(doc.Content) == 0 {
		d.fail("spec", &doc, "is empty; `aether drill init` prints one to start from")
	} else {
		d.decode("", doc.Content[0], reflect.ValueOf(&s).Elem())
	}
	if len(doc.Content) == 0 {
		return Spec{}, errors.Join(d.problems...)
	}
	s.complete()
	err := s.Validate()
	if len(d.problems) > 0 {
		return Spec{}, errors.Join(d.with(err)...)
	}
	return s, err
}

// with adds what is wrong beyond what could not be read: a value that was not
// read is not blamed a second time.
func (d *decoder) with(invalid error) []error {
	known := map[string]bool{}
	for _, p := range d.problems {
		var x Problem
		if errors.As(p, &x) {
			known[x.Path] = true
		}
	}
	more, _ := invalid.(interface{ Unwrap() []error })
	if more == nil {
		return d.problems
	}
	for _, p := range more.Unwrap() {
		var x Problem
		if errors.As(p, &x) && !known[x.Path] {
			d.problems = append(d.problems, p)
		}
	}
	return d.problems
}

type decoder struct {
	lookup   func(string) (string, bool)
	problems []error
}

func (d *decoder) fail(path string, n *yaml.Node, format string, args ...any) {
	d.problems = append(d.problems, Problem{Path: strings.TrimPrefix(path, "."), Line: n.Line, Reason: fmt.Sprintf(format, args...)})
}

func (d *decoder) decode(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Tag == "!!null" && v.Kind() != reflect.Pointer && v.Kind() != reflect.Struct {
		d.fail(path, n, "has no value; leave the key out for the default")
		return
	}
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok || isScalar(v.Kind()) {
		d.scalar(path, n, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if part, ok := v.Interface().(defaulter); ok {
			part.defaults()
		}
		d.decode(path, n, v.Elem())
	case reflect.Struct:
		d.structure(path, n, v)
	case reflect.Slice:
		d.slice(path, n, v)
	case reflect.Map:
		d.mapping(path, n, v)
	}
}

func isScalar(k reflect.Kind) bool { return k == reflect.String || k == reflect.Int }

func (d *decoder) structure(path string, n *yaml.Node, v reflect.Value) {
	if n.Tag == "!!null" { // "embedded:" alone
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(path, n, "wants keys and values, not %s", describe(n))
		return
	}
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		fields[v.Type().Field(i).Tag.Get("yaml")] = v.Field(i)
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		at := path + "." + key.Value
		f, known := fields[key.Value]
		switch {
		case !known:
			d.fail(at, key, "is not a key here; there are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		case seen[key.Value]:
			d.fail(at, key, "stands twice")
		default:
			d.decode(at, n.Content[i+1], f)
		}
		seen[key.Value] = true
	}
}

func (d *decoder) slice(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fail(path, n, "wants a list, not %s", describe(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.decode(fmt.Sprintf("%s[%d]", path, i), c, v.Index(i))
	}
}

func (d *decoder) mapping(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(path, n, "wants keys and values, not %s", describe(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i < len(n.Content); i += 2 {
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(path+"."+n.Content[i].Value, n.Content[i+1], item)
		v.SetMapIndex(reflect.ValueOf(n.Content[i].Value), item)
	}
}

func (d *decoder) scalar(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.fail(path, n, "wants a single value, not %s", describe(n))
		return
	}
	text, ok := d.expand(path, n)
	if !ok {
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			d.fail(path, n, "%v", err)
		}
		return
	}
	if v.Kind() == reflect.String {
		v.SetString(text)
		return
	}
	i, err := strconv.Atoi(text)
	if err != nil {
		d.fail(path, n, "%q is not a whole number", text)
		return
	}
	v.SetInt(int64(i))
}

// keepVar is left for the target's own use: its port is not known yet.
const keepVar = "PORT"

// expand replaces ${NAME}; "$${" is a literal "${".
func (d *decoder) expand(path string, n *yaml.Node) (string, bool) {
	var out strings.Builder
	ok := true
	rest := n.Value
	for {
		before, after, found := strings.Cut(rest, "${")
		out.WriteString(before)
		if !found {
			return out.String(), ok
		}
		name, tail, closed := strings.Cut(after, "}")
		switch {
		case strings.HasSuffix(before, "$"):
			out.WriteString("{")
			rest = after
			continue
		case !closed:
			d.fail(path, n, "${ without }")
			return "", false
		case name == keepVar:
			out.WriteString("${" + keepVar + "}")
		default:
			value, set := d.lookup(name)
			if !set {
				d.fail(path, n, "the variable %s is not set", name)
				ok = false
			}
			out.WriteString(value)
		}
		rest = tail
	}
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "keys and values"
	default:
		return strconv.Quote(n.Value)
	}
}
