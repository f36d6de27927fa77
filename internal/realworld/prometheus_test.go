//go:build integration && linux

package realworld

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// exporter is a target that can fail.
func exporter(t *testing.T) (addr string, up *atomic.Bool) {
	up = &atomic.Bool{}
	up.Store(true)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "crm_events_messages_total 7")
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), up
}

func TestPrometheusScrapesAndKeeps(t *testing.T) {
	wantNothingLeft(t, func(t *testing.T) {
		addr, _ := exporter(t)
		p := Prometheus(t, PrometheusOptions{
			Target: addr, LagTarget: addr, PathPrefix: "/prom", User: "oncall", Password: "drill-secret", For: 3 * time.Second, Evaluate: 2 * time.Second,
		})
		await(t, "one scrape", func(ctx context.Context) error {
			return wantSamples(ctx, p, `up{job="crm-events",module="CRM-Events"}`, 1)
		})
		await(t, "the other job", func(ctx context.Context) error { return wantSamples(ctx, p, `up{job="kafka-exporter"}`, 1) })

		var rules struct {
			Groups []struct {
				Interval float64
				Rules    []struct {
					Name     string
					Duration float64
				}
			}
		}
		if err := ask(t.Context(), p, "/api/v1/rules", &rules); err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, g := range rules.Groups {
			if g.Interval != 2 {
				t.Errorf("a group is evaluated every %v s", g.Interval)
			}
			for _, r := range g.Rules {
				switch {
				case r.Name == "CrmEventsServiceDown" && r.Duration == 3, r.Name == "CrmEventsConsumerLagHigh" && r.Duration == 300:
					found++
				}
			}
		}
		if found != 2 {
			t.Errorf("rules: %+v", rules)
		}
		for user, want := range map[string]string{"": "401", "stranger": "401"} {
			if err := answers(t.Context(), p.URL+"/api/v1/rules", user, "drill-secret"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("as %q: %v", user, err)
			}
		}
		if err := answers(t.Context(), strings.TrimSuffix(p.URL, "/prom")+"/api/v1/rules", "oncall", "drill-secret"); err == nil {
			t.Error("it answers outside its path prefix")
		}
		before := fmt.Sprintf("up&time=%.3f", float64(time.Now().UnixMilli())/1000)
		p.Stop()
		p.Start()
		if err := wantSamples(t.Context(), p, before, 2); err != nil {
			t.Errorf("after a restart: %v", err)
		}
	})
}

func TestAlertReachesTheWebhook(t *testing.T) {
	wantNothingLeft(t, func(t *testing.T) {
		seen := make(chan string, 100)
		hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var message struct {
				Status       string
				CommonLabels map[string]string
			}
			if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
				t.Errorf("read the webhook's message: %v", err)
			}
			seen <- message.CommonLabels["alertname"] + " " + message.Status
		}))
		defer hook.Close()
		a := Alertmanager(t, hook.URL)
		addr, up := exporter(t)
		up.Store(false)
		Prometheus(t, PrometheusOptions{Target: addr, Alertmanager: a.Addr, For: 2 * time.Second})
		wantNext(t, seen, "CrmEventsServiceDown firing")
		a.Stop()
		a.Start()
		up.Store(true)
		wantNext(t, seen, "CrmEventsServiceDown resolved")
	})
}

// wantNext: told again is fine, told something else is not.
func wantNext(t *testing.T, seen <-chan string, want string) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case got := <-seen:
			if got == want {
				return
			}
			if got != "CrmEventsServiceDown firing" {
				t.Fatalf("the webhook was told %q, not %q", got, want)
			}
		case <-limit:
			t.Fatalf("the webhook was not told %q", want)
		}
	}
}

func await(t *testing.T, what string, f func(context.Context) error) {
	t.Helper()
	if err := poll(20*time.Second, f); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func wantSamples(ctx context.Context, p *Prom, query string, n int) error {
	var data struct{ Result []any }
	if err := ask(ctx, p, "/api/v1/query?query="+query, &data); err != nil {
		return err
	}
	if len(data.Result) != n {
		return fmt.Errorf("%s has %d samples", query, len(data.Result))
	}
	return nil
}

func ask(ctx context.Context, p *Prom, path string, data any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path, nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth("oncall", "drill-secret")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer := struct {
		Status string
		Data   any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return errors.New(answer.Status)
	}
	return nil
}
