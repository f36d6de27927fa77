package promcheck

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Options name a server. RoundTripper is where a login is added; nil means none.
type Options struct {
	URL          string
	RoundTripper http.RoundTripper
}

// Client asks one Prometheus server. Safe for concurrent use.
type Client struct {
	raw  api.Client
	v1   v1.API
	safe string // the URL without a password, for messages
}

// New connects to nothing yet; it fails on a URL that cannot be.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("prometheus URL %q: want one such as http://127.0.0.1:9090", o.URL)
	}
	c, err := api.NewClient(api.Config{Address: o.URL, RoundTripper: o.RoundTripper})
	if err != nil {
		return nil, fmt.Errorf("prometheus URL %s: %w", u.Redacted(), err)
	}
	return &Client{raw: c, v1: v1.NewAPI(c), safe: u.Redacted()}, nil
}

// Point is one raw sample.
type Point struct {
	At    time.Time
	Value float64
}

// Series is the raw samples of one time series, ascending.
type Series struct {
	Labels map[string]string
	Points []Point
}

// Raw is what the server stored for a selector in the last window, every sample
// with its own timestamp. Nothing found is no error: it is an empty answer.
func (c *Client) Raw(ctx context.Context, selector string, window time.Duration) ([]Series, error) {
	query := fmt.Sprintf("%s[%dms]", selector, window.Milliseconds())
	value, warnings, _, err := c.v1.Query(ctx, query, time.Time{})
	if err != nil {
		return nil, c.explain("query "+query, err)
	}
	if value == nil { // JSON, but of something else
		return nil, fmt.Errorf("query %s on %s: %s", query, c.safe, notPrometheus)
	}
	if len(warnings) > 0 {
		return nil, fmt.Errorf("query %s on %s: the answer is not whole: %s", query, c.safe, strings.Join(warnings, "; "))
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("query %s on %s: answered with a %s, not with samples", query, c.safe, value.Type())
	}
	var found []Series
	for _, stream := range matrix {
		s := Series{Labels: map[string]string{}}
		for k, v := range stream.Metric {
			s.Labels[string(k)] = string(v)
		}
		for _, p := range stream.Values {
			s.Points = append(s.Points, Point{At: p.Timestamp.Time().UTC(), Value: float64(p.Value)})
		}
		found = append(found, s)
	}
	return found, nil
}

// ClockOffset is the server's clock less ours, known to ±off: half of the
// shortest round trip of n readings.
func (c *Client) ClockOffset(ctx context.Context, n int) (offset, off time.Duration, err error) {
	for range n {
		sent := time.Now()
		value, _, _, err := c.v1.Query(ctx, "time()", time.Time{})
		back := time.Now()
		if err != nil {
			return 0, 0, c.explain("query time()", err)
		}
		if value == nil {
			return 0, 0, fmt.Errorf("query time() on %s: %s", c.safe, notPrometheus)
		}
		s, ok := value.(*model.Scalar)
		if !ok {
			return 0, 0, fmt.Errorf("query time() on %s: answered with a %s", c.safe, value.Type())
		}
		half := back.Sub(sent)/2 + time.Millisecond // the answer has milliseconds
		if off == 0 || half < off {
			offset, off = s.Timestamp.Time().Sub(sent.Add(back.Sub(sent)/2)), half
		}
	}
	return offset, off, nil
}

// Version is the server's own word for it.
func (c *Client) Version(ctx context.Context) (string, error) {
	info, err := c.v1.Buildinfo(ctx)
	if err != nil {
		return "", c.explain("read build information", err)
	}
	if info.Version == "" {
		return "", fmt.Errorf("read build information on %s: %s", c.safe, notPrometheus)
	}
	return info.Version, nil
}

// get decodes the data of an API answer into own types: the client library's
// lack fields that the windows need.
func (c *Client) get(ctx context.Context, path string, params url.Values, data any) error {
	u := c.raw.URL(path, nil)
	u.RawQuery = params.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	resp, body, err := c.raw.Do(ctx, req)
	if err != nil {
		return c.explain("get "+path, err)
	}
	var answer struct {
		Status string          `json:"status"`
		Error  string          `json:"error"`
		Data   json.RawMessage `json:"data"`
	}
	bad := json.Unmarshal(body, &answer)
	if answer.Status == "error" && answer.Error != "" {
		return fmt.Errorf("get %s on %s: %s", path, c.safe, answer.Error)
	}
	if bad != nil || answer.Status != "success" {
		return fmt.Errorf("get %s on %s: %s", path, c.safe, answered(resp.StatusCode, string(body)))
	}
	if err := json.Unmarshal(answer.Data, data); err != nil {
		return fmt.Errorf("get %s on %s: decode answer: %w", path, c.safe, err)
	}
	return nil
}
