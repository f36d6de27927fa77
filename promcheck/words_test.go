package promcheck

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// every asks in every way that the package has.
func every() map[string]func(*testing.T, *Client) error {
	return map[string]func(*testing.T, *Client) error{
		"query":   func(t *testing.T, c *Client) error { _, err := c.Raw(t.Context(), "up", time.Minute); return err },
		"clock":   func(t *testing.T, c *Client) error { _, _, err := c.ClockOffset(t.Context(), 1); return err },
		"rules":   func(t *testing.T, c *Client) error { _, err := c.Rule(t.Context(), "A", nil); return err },
		"targets": func(t *testing.T, c *Client) error { _, err := c.Target(t.Context(), nil); return err },
		"version": func(t *testing.T, c *Client) error { _, err := c.Version(t.Context()); return err },
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	with := func(status int, body string) *httptest.Server {
		return httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
	}
	for name, c := range map[string]struct {
		server *httptest.Server
		tls    bool
		scheme string
		says   string
	}{
		"401":                 {with(401, "Unauthorized"), false, "http", "401: it wants a login; check prometheus.http"},
		"401 of a gateway":    {with(401, `{"message":"no token"}`), false, "http", "401: it wants a login; check prometheus.http"},
		"403":                 {with(403, `<html>`), false, "http", "403: it wants a login that may read; check prometheus.http"},
		"404":                 {with(404, "404 page not found"), false, "http", "status 404: it does not answer as a Prometheus does; is a path prefix missing"},
		"a page":              {with(200, "<html>"), false, "http", "it does not answer as a Prometheus does; is a path prefix missing"},
		"JSON of another":     {with(200, `{"hello":"you"}`), false, "http", "it does not answer as a Prometheus does; is a path prefix missing"},
		"starting":            {with(503, "Service Unavailable"), false, "http", "Service Unavailable"},
		"self-signed":         {with(200, ""), true, "https", "its certificate is not trusted; set prometheus.http.tls.ca_file"},
		"https where http is": {with(200, ""), false, "https", "it speaks HTTP without TLS"},
		"http where https is": {with(200, ""), true, "http", "it speaks HTTPS"},
	} {
		t.Run(name, func(t *testing.T) {
			c.server.Config.ErrorLog = log.New(io.Discard, "", 0)
			if c.tls {
				c.server.StartTLS()
			} else {
				c.server.Start()
			}
			t.Cleanup(c.server.Close)
			p := client(t, c.scheme+"://"+c.server.Listener.Addr().String())
			for way, ask := range every() {
				if err := ask(t, p); err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: %v", way, err)
				}
			}
		})
	}
}

func TestACertificateForAnotherName(t *testing.T) {
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	trusting := s.Client().Transport.(*http.Transport).Clone()
	trusting.TLSClientConfig.ServerName = "prometheus.example"
	trusting.TLSClientConfig.MinVersion = tls.VersionTLS12
	trusting.DialContext = nil
	c, err := New(Options{URL: s.URL, RoundTripper: trusting})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Raw(t.Context(), "up", time.Minute); err == nil || !strings.Contains(err.Error(), "use an address that is in its certificate") {
		t.Error(err)
	}
}

// A server behind a path prefix, with and without the last slash.
func TestPathPrefix(t *testing.T) {
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers := map[string]string{
			"/api/v1/rules":            `{"groups":[{"name":"g","interval":15,"rules":[{"name":"A","type":"alerting","query":"up == 0"}]}]}`,
			"/api/v1/targets":          `{"activeTargets":[]}`,
			"/api/v1/query":            `{"resultType":"matrix","result":[]}`,
			"/api/v1/status/buildinfo": `{"version":"3.16.0"}`,
		}
		data, ok := answers[r.URL.Path]
		if r.FormValue("query") == "time()" {
			data = fmt.Sprintf(`{"resultType":"scalar","result":[%d,"1"]}`, time.Now().Unix())
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"status":"success","data":%s}`, data)
	})
	mux := http.NewServeMux()
	mux.Handle("/prom/", http.StripPrefix("/prom", api))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	for way, ask := range every() {
		for _, prefix := range []string{"/prom", "/prom/"} {
			if err := ask(t, client(t, s.URL+prefix)); err != nil {
				t.Errorf("%s at %s: %v", way, prefix, err)
			}
		}
		if err := ask(t, client(t, s.URL)); err == nil || !strings.Contains(err.Error(), "is a path prefix missing in the URL") {
			t.Errorf("%s without its prefix: %v", way, err)
		}
	}
}
