package promcheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// server answers each path of the API with a text; 0 is status 200.
type answer struct {
	status int
	body   string
}

func serve(t *testing.T, answers map[string]answer) *Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if a.status != 0 {
			w.WriteHeader(a.status)
		}
		fmt.Fprint(w, a.body)
	}))
	t.Cleanup(s.Close)
	return client(t, s.URL)
}

func client(t *testing.T, url string) *Client {
	t.Helper()
	c, err := New(Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func query(result string) map[string]answer {
	return map[string]answer{"/api/v1/query": {body: `{"status":"success","data":` + result + `}`}}
}

func TestNewRefusesWhatIsNoURL(t *testing.T) {
	for _, url := range []string{"", "127.0.0.1:9090", "prometheus", "/path", "http://", "http://a b"} {
		if _, err := New(Options{URL: url}); err == nil {
			t.Errorf("%q is taken for the URL of a server", url)
		}
	}
}

func TestRaw(t *testing.T) {
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.FormValue("query")
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[
			{"metric":{"__name__":"up","job":"a"},"values":[[1763895000.25,"1"],[1763895001.251,"0"],[1763895002,"NaN"]]},
			{"metric":{"__name__":"up","job":"b"},"values":[[1763895000,"+Inf"]]}]}}`)
	}))
	t.Cleanup(s.Close)
	got, err := client(t, s.URL).Raw(t.Context(), `up{job="a"}`, 1500*time.Millisecond)
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	if asked != `up{job="a"}[1500ms]` {
		t.Errorf("asked for %s: only a bare range selector gives raw samples", asked)
	}
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	want := []Point{{at(1763895000250), 1}, {at(1763895001251), 0}, {at(1763895002000), math.NaN()}}
	nan := cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })
	if diff := cmp.Diff(want, got[0].Points, nan); diff != "" {
		t.Error(diff)
	}
	if got[1].Labels["job"] != "b" || !math.IsInf(got[1].Points[0].Value, 1) {
		t.Errorf("%+v", got[1])
	}
}

func TestRawTakesNothingForNoError(t *testing.T) {
	got, err := serve(t, query(`{"resultType":"matrix","result":[]}`)).Raw(t.Context(), "up", time.Minute)
	if err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// What is not whole, not samples or no answer must not look like nothing found.
func TestRawFails(t *testing.T) {
	for name, c := range map[string]struct {
		answers map[string]answer
		says    string
	}{
		"a warning":     {map[string]answer{"/api/v1/query": {body: `{"status":"success","warnings":["a shard is away"],"data":{"resultType":"matrix","result":[]}}`}}, "a shard is away"},
		"a vector":      {query(`{"resultType":"vector","result":[]}`), "vector"},
		"an error":      {map[string]answer{"/api/v1/query": {400, `{"status":"error","errorType":"bad_data","error":"parse error"}`}}, "parse error"},
		"HTML":          {map[string]answer{"/api/v1/query": {body: "<html>"}}, "does not answer as a Prometheus does"},
		"a login":       {map[string]answer{"/api/v1/query": {401, "Unauthorized"}}, "wants a login"},
		"another path":  {nil, "does not answer as a Prometheus does"},
		"server broken": {map[string]answer{"/api/v1/query": {503, `{"status":"error","errorType":"unavailable","error":"starting"}`}}, "starting"},
	} {
		got, err := serve(t, c.answers).Raw(t.Context(), "up", time.Minute)
		if err == nil || !strings.Contains(err.Error(), c.says) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://user:secret@" + l.Addr().String()
	l.Close()
	for name, ask := range map[string]func(*Client) error{
		"query":   func(c *Client) error { _, err := c.Raw(t.Context(), "up", time.Minute); return err },
		"clock":   func(c *Client) error { _, _, err := c.ClockOffset(t.Context(), 1); return err },
		"rules":   func(c *Client) error { _, err := c.Rule(t.Context(), "A", nil); return err },
		"targets": func(c *Client) error { _, err := c.Target(t.Context(), nil); return err },
		"version": func(c *Client) error { _, err := c.Version(t.Context()); return err },
	} {
		err := ask(client(t, url))
		if err == nil || !strings.Contains(err.Error(), "is Prometheus running there?") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error prints the password: %v", name, err)
		}
	}
}

func TestTimeIsSaid(t *testing.T) {
	stuck := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(stuck) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client(t, s.URL).Raw(ctx, "up", time.Minute)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer in time") {
		t.Error(err)
	}
}

// The offset is told with how sure it is, and the truth lies inside.
func TestClockOffset(t *testing.T) {
	const ahead = 90 * time.Second
	readings := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if readings++; readings == 2 { // one reading is slow and must not count
			timer := time.NewTimer(100 * time.Millisecond)
			defer timer.Stop()
			<-timer.C
		}
		now := float64(time.Now().Add(ahead).UnixMilli()) / 1000
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"scalar","result":[%.3f,"%.3f"]}}`, now, now)
	}))
	t.Cleanup(s.Close)
	offset, off, err := client(t, s.URL).ClockOffset(t.Context(), 5)
	if err != nil || readings != 5 {
		t.Fatalf("%d readings, %v", readings, err)
	}
	if off <= 0 || off >= 50*time.Millisecond {
		t.Errorf("known to ±%s: the shortest round trip counts", off)
	}
	if d := (offset - ahead).Abs(); d > off {
		t.Errorf("%s ±%s, but it is %s", offset, off, ahead)
	}
	if _, _, err := serve(t, query(`{"resultType":"vector","result":[]}`)).ClockOffset(t.Context(), 1); err == nil {
		t.Error("a vector is taken for the time")
	}
}

const twoRules = `{"status":"success","data":{"groups":[{"name":"g","file":"f.yml","interval":15,"queryOffset":2,"rules":[
	{"name":"Down","type":"alerting","query":"up == 0","state":"pending","health":"ok","labels":{"severity":"critical"},"duration":120,"keepFiringFor":30.5,
	 "lastEvaluation":"2026-11-23T10:50:00Z","alerts":[{"labels":{"job":"a"},"state":"pending","activeAt":"2026-11-23T10:49:00Z"}]},
	{"name":"down:rate","type":"recording","query":"x","health":"ok"},
	{"name":"Twice","type":"alerting","query":"x","labels":{"a":"1"},"state":"unknown","health":"unknown"},
	{"name":"Twice","type":"alerting","query":"y","labels":{"a":"2"},"health":"err","lastError":"many-to-many"},
	{"name":"CrmEventsServiceDown","type":"alerting","query":"z"}]}]}}`

func TestRule(t *testing.T) {
	c := serve(t, map[string]answer{"/api/v1/rules": {body: twoRules}})
	got, err := c.Rule(t.Context(), "Down", map[string]string{"severity": "critical"})
	if err != nil {
		t.Fatal(err)
	}
	want := Rule{
		Name: "Down", Query: "up == 0", Group: "g", File: "f.yml", State: "pending", Health: "ok", Labels: map[string]string{"severity": "critical"},
		For: 2 * time.Minute, KeepFiringFor: 30500 * time.Millisecond, Interval: 15 * time.Second, QueryOffset: 2 * time.Second,
		LastEvaluation: time.Date(2026, 11, 23, 10, 50, 0, 0, time.UTC),
		Alerts:         []Alert{{Labels: map[string]string{"job": "a"}, State: "pending", ActiveAt: time.Date(2026, 11, 23, 10, 49, 0, 0, time.UTC)}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got, err = c.Rule(t.Context(), "Twice", map[string]string{"a": "2"})
	if err != nil || got.LastError != "many-to-many" || got.Health != "err" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRuleIsOneOrNone(t *testing.T) {
	c := serve(t, map[string]answer{"/api/v1/rules": {body: twoRules}})
	for _, x := range []struct {
		name, says string
		labels     map[string]string
		none       bool
	}{
		{"Twice", "2 alerting rules are named Twice", nil, false},
		{"CrmEventServiceDown", "the nearest are CrmEventsServiceDown", nil, true},
		{"down", "the nearest are Down", nil, true},
		{"down:rate", "no such alerting rule", nil, true}, // a recording rule is none
		{"Down", "there is one with others: check prometheus.alert.labels", map[string]string{"severity": "page"}, true},
	} {
		_, err := c.Rule(t.Context(), x.name, x.labels)
		if err == nil || !strings.Contains(err.Error(), x.says) || errors.Is(err, ErrRuleNotFound) != x.none {
			t.Errorf("%s: %v", x.name, err)
		}
	}
	empty := serve(t, map[string]answer{"/api/v1/rules": {body: `{"status":"success","data":{"groups":[]}}`}})
	if _, err := empty.Rule(t.Context(), "Down", nil); !errors.Is(err, ErrRuleNotFound) || !strings.Contains(err.Error(), "no alerting rules at all") {
		t.Error(err)
	}
}

func TestAnAnswerThatIsNoneIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		a    answer
		says string
	}{
		"error":        {answer{body: `{"status":"error","error":"not ready"}`}, "not ready"},
		"HTML":         {answer{body: `<html>`}, "does not answer as a Prometheus does"},
		"login":        {answer{status: 401, body: `<html>`}, "wants a login"},
		"forbidden":    {answer{status: 403, body: ``}, "wants a login"},
		"another kind": {answer{body: `{"status":"success","data":[]}`}, "decode answer"},
	} {
		p := serve(t, map[string]answer{"/api/v1/rules": c.a, "/api/v1/targets": c.a})
		if _, err := p.Rule(t.Context(), "Down", nil); err == nil || errors.Is(err, ErrRuleNotFound) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("rule, %s: %v", name, err)
		}
		if got, err := p.Target(t.Context(), nil); err == nil || got != nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("target, %s: %v, %v", name, got, err)
		}
	}
}

func TestTarget(t *testing.T) {
	targets := func(interval string) map[string]answer {
		all := []map[string]any{
			{"labels": map[string]string{"job": "a", "instance": "1"}, "scrapeUrl": "http://1/metrics", "health": "up", "lastScrape": "2026-11-23T10:50:00.5Z", "scrapeInterval": interval, "scrapeTimeout": "1m30s"},
			{"labels": map[string]string{"job": "b", "instance": "2"}, "scrapeInterval": "15s", "scrapeTimeout": "10s"},
		}
		text, err := json.Marshal(map[string]any{"status": "success", "data": map[string]any{"activeTargets": all}})
		if err != nil {
			t.Fatal(err)
		}
		return map[string]answer{"/api/v1/targets": {body: string(text)}}
	}
	c := serve(t, targets("500ms"))
	got, err := c.Target(t.Context(), map[string]string{"job": "a"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Target{{
		Labels: map[string]string{"job": "a", "instance": "1"}, URL: "http://1/metrics", Health: "up", ScrapeInterval: 500 * time.Millisecond,
		ScrapeTimeout: 90 * time.Second, LastScrape: time.Date(2026, 11, 23, 10, 50, 0, 5e8, time.UTC),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if all, err := c.Target(t.Context(), nil); err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
	if none, err := c.Target(t.Context(), map[string]string{"job": "c"}); err != nil || none != nil {
		t.Errorf("none is no error: %v, %v", none, err)
	}
	if _, err := serve(t, targets("")).Target(t.Context(), map[string]string{"job": "a"}); err == nil {
		t.Error("a target without an interval is taken: its windows would be nothing")
	}
}

func TestVersion(t *testing.T) {
	c := serve(t, map[string]answer{"/api/v1/status/buildinfo": {body: `{"status":"success","data":{"version":"3.16.0"}}`}})
	if v, err := c.Version(t.Context()); err != nil || v != "3.16.0" {
		t.Errorf("%q, %v", v, err)
	}
}

func TestVanishesWithTarget(t *testing.T) {
	for expr, want := range map[string]bool{
		`up{job="crm-events"} == 0`:                                             false,
		`up == 0`:                                                               false,
		`{__name__="up", job="crm-events"} == 0`:                                false,
		`absent(crm_events_messages_total)`:                                     false,
		`absent_over_time(crm_events_messages_total[5m])`:                       false,
		`rate(crm_events_messages_total[5m]) == 0`:                              true,
		`crm_events_sse_clients{job="crm-events"} < 1`:                          true,
		`crm_events_sse_clients{job=~"crm-.*"} < 1`:                             true,
		`crm_events_sse_clients{job="other"} < 1`:                               false,
		`crm_events_sse_clients{job!="crm-events"} < 1`:                         false,
		`sum(process_start_time_seconds{job="crm-events"}) == 0`:                true,
		`job:requests:rate5m == 0`:                                              false,
		`kafka_consumergroup_lag_sum > 100`:                                     false,
		`scrape_samples_scraped{job="crm-events"} == 0`:                         false,
		`rate(crm_events_messages_total[5m]) == 0 or up{job="crm-events"} == 0`: false,
		`vector(1)`:                   false,
		`time() > bool 0`:             false,
		`ALERTS{alertstate="firing"}`: false,
	} {
		got, err := VanishesWithTarget(expr, "crm-events")
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", expr, got, err)
		}
	}
	if _, err := VanishesWithTarget("up{", "crm-events"); err == nil {
		t.Error("what is no expression is judged")
	}
}
