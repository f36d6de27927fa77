package bridge

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// pathNames are the paths that are served; any other is counted as "other".
func pathNames() []string { return []string{"/", pathStream, "/healthz", "/readyz", "/metrics"} }

const pathStream = "/crm-events"

func (b *Bridge) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"/":        b.serveRoot,
		pathStream: b.serveStream,
		"/healthz": b.serveHealth,
		"/readyz":  b.serveReady,
		"/metrics": promhttp.HandlerFor(b.reg, promhttp.HandlerOpts{EnableOpenMetrics: true, EnableOpenMetricsTextCreatedSamples: true}).ServeHTTP,
	}
}

// handler counts, answers for CORS, and routes. Authentication would stand here,
// before a request reaches its path.
func (b *Bridge) handler() http.Handler {
	routes := b.routes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		serve := routes[path]
		if serve == nil {
			path = "other"
		}
		c := &counted{ResponseWriter: w, requests: b.m.requests, path: path, method: method(r.Method)}
		allowed := b.cors(c, r)
		switch {
		case serve == nil:
			http.Error(c, "no such path; the stream is at "+pathStream, http.StatusNotFound)
		case r.Method == http.MethodOptions && allowed:
			c.WriteHeader(http.StatusNoContent)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			c.Header().Set("Allow", "GET, HEAD, OPTIONS")
			http.Error(c, "only GET is served here", http.StatusMethodNotAllowed)
		case r.Method == http.MethodHead && path == pathStream:
			c.Header().Set("Content-Type", "text/event-stream")
			c.WriteHeader(http.StatusOK)
		default:
			serve(c, r)
		}
	})
}

// cors answers for origins that were named; it is off where none was.
func (b *Bridge) cors(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	any := slices.Contains(b.cfg.Origins, "*")
	if len(b.cfg.Origins) > 0 {
		w.Header().Add("Vary", "Origin")
	}
	if origin == "" || !any && !slices.Contains(b.cfg.Origins, origin) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	if any {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Last-Event-ID, Authorization, Cache-Control")
		h.Set("Access-Control-Max-Age", "600")
	}
	return true
}

func (b *Bridge) serveRoot(w http.ResponseWriter, _ *http.Request) {
	status := "ready"
	if len(b.unready()) > 0 {
		status = "starting"
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"ok": true, "service": "crm-events", "status": status,
		"kafka_brokers": strings.Join(b.cfg.Brokers, ","), "topic": b.cfg.Topic, "group": b.cfg.Group,
	})
}

func (b *Bridge) serveHealth(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
}

func (b *Bridge) serveReady(w http.ResponseWriter, _ *http.Request) {
	if why := b.unready(); len(why) > 0 {
		writeJSON(w, http.StatusServiceUnavailable, map[string]any{"ok": false, "reasons": why})
		return
	}
	writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}

// method bounds the label.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost:
		return m
	}
	return "other"
}

// counted counts a response when its header is written, so that an open stream
// is in the count.
type counted struct {
	http.ResponseWriter
	requests     *prometheus.CounterVec
	path, method string
	done         bool
}

func (c *counted) WriteHeader(status int) {
	if !c.done {
		c.done = true
		c.requests.WithLabelValues(c.path, c.method, strconv.Itoa(status)).Inc()
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	if !c.done {
		c.WriteHeader(http.StatusOK)
	}
	return c.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }
