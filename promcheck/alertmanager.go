package promcheck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Alertmanagers is the base URL of every Alertmanager that this server sends to.
func (c *Client) Alertmanagers(ctx context.Context) ([]string, error) {
	found, err := c.v1.AlertManagers(ctx)
	if err != nil {
		return nil, c.explain("list Alertmanagers", err)
	}
	var bases []string
	for _, a := range found.Active {
		base, _, ok := strings.Cut(a.URL, "/api/v")
		if !ok {
			return nil, fmt.Errorf("list Alertmanagers on %s: %q is no address of one", c.safe, a.URL)
		}
		bases = append(bases, base)
	}
	return bases, nil
}

// Alertmanager is asked who would hear of an alert, and told to keep quiet.
// Safe for concurrent use.
type Alertmanager struct {
	base string
	http *http.Client
}

// NewAlertmanager connects to nothing yet. transport nil means the usual one.
func NewAlertmanager(base string, transport http.RoundTripper) *Alertmanager {
	return &Alertmanager{base: strings.TrimSuffix(base, "/"), http: &http.Client{Transport: transport, Timeout: 10 * time.Second}}
}

// Receivers is who would be notified of an alert with these labels. Silences
// and inhibitions are not looked at: they may be gone when it fires.
func (a *Alertmanager) Receivers(ctx context.Context, alert map[string]string) ([]string, error) {
	var status struct {
		Config struct {
			Original string `json:"original"`
		} `json:"config"`
	}
	if err := a.do(ctx, http.MethodGet, "/api/v2/status", nil, &status); err != nil {
		return nil, err
	}
	if status.Config.Original == "" {
		return nil, fmt.Errorf("ask Alertmanager at %s for its routes: the answer has no configuration", a.base)
	}
	return receiversOf(status.Config.Original, alert)
}

// Silence keeps quiet about alerts with these labels until a moment. It expires
// by itself; id is for Expire.
func (a *Alertmanager) Silence(ctx context.Context, alert map[string]string, until time.Time, by, why string) (id string, err error) {
	type matcher struct {
		Name    string `json:"name"`
		Value   string `json:"value"`
		IsRegex bool   `json:"isRegex"`
		IsEqual bool   `json:"isEqual"`
	}
	var matchers []matcher
	for _, k := range slices.Sorted(maps.Keys(alert)) {
		matchers = append(matchers, matcher{Name: k, Value: alert[k], IsEqual: true})
	}
	var made struct {
		ID string `json:"silenceID"`
	}
	err = a.do(ctx, http.MethodPost, "/api/v2/silences", map[string]any{
		"matchers": matchers, "startsAt": time.Now().UTC(), "endsAt": until.UTC(), "createdBy": by, "comment": why,
	}, &made)
	if err == nil && made.ID == "" {
		err = fmt.Errorf("silence at %s: the answer names no silence", a.base)
	}
	return made.ID, err
}

// Expire ends a silence.
func (a *Alertmanager) Expire(ctx context.Context, id string) error {
	return a.do(ctx, http.MethodDelete, "/api/v2/silence/"+url.PathEscape(id), nil, nil)
}

func (a *Alertmanager) do(ctx context.Context, method, path string, body, answer any) error {
	what := fmt.Sprintf("%s %s%s", strings.ToLower(method), a.base, path)
	var send io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		send = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, send)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 10<<20))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: it answered %s: %.200s", what, resp.Status, text)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s: decode answer: %w", what, err)
	}
	return nil
}
