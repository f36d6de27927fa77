package promcheck

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrRuleNotFound is in the error of Rule where no alerting rule has the name.
var ErrRuleNotFound = errors.New("no such alerting rule")

// Rule is an alerting rule with the timing of its group.
type Rule struct {
	Name, Query, Group, File string
	State                    string // inactive, pending, firing; unknown before the first evaluation
	Health, LastError        string
	Labels                   map[string]string
	For, KeepFiringFor       time.Duration
	Interval, QueryOffset    time.Duration // of the group
	LastEvaluation           time.Time
	Alerts                   []Alert
}

// Alert is one active instance of a rule.
type Alert struct {
	Labels   map[string]string `json:"labels"`
	State    string            `json:"state"`
	ActiveAt time.Time         `json:"activeAt"`
}

type ruleGroups struct {
	Groups []struct {
		Name        string  `json:"name"`
		File        string  `json:"file"`
		Interval    seconds `json:"interval"`
		QueryOffset seconds `json:"queryOffset"`
		Rules       []struct {
			Name          string            `json:"name"`
			Type          string            `json:"type"`
			Query         string            `json:"query"`
			State         string            `json:"state"`
			Health        string            `json:"health"`
			LastError     string            `json:"lastError"`
			Labels        map[string]string `json:"labels"`
			Duration      seconds           `json:"duration"`
			KeepFiringFor seconds           `json:"keepFiringFor"`
			Evaluated     time.Time         `json:"lastEvaluation"`
			Alerts        []Alert           `json:"alerts"`
		} `json:"rules"`
	} `json:"groups"`
}

type seconds float64

func (s seconds) d() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// Rule finds the one alerting rule of that name whose labels include labels.
// More than one is an error; none is ErrRuleNotFound, with the nearest names.
func (c *Client) Rule(ctx context.Context, name string, labels map[string]string) (Rule, error) {
	var all ruleGroups
	if err := c.get(ctx, "/api/v1/rules", url.Values{"type": {"alert"}}, &all); err != nil {
		return Rule{}, err
	}
	var found []Rule
	var names []string
	for _, g := range all.Groups {
		for _, r := range g.Rules {
			if r.Type != "" && r.Type != "alerting" {
				continue
			}
			names = append(names, r.Name)
			if r.Name != name || !includes(r.Labels, labels) {
				continue
			}
			found = append(found, Rule{
				Name: r.Name, Query: r.Query, Group: g.Name, File: g.File, State: r.State, Health: r.Health, LastError: r.LastError, Labels: r.Labels,
				For: r.Duration.d(), KeepFiringFor: r.KeepFiringFor.d(), Interval: g.Interval.d(), QueryOffset: g.QueryOffset.d(),
				LastEvaluation: r.Evaluated, Alerts: r.Alerts,
			})
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		if slices.Contains(names, name) {
			return Rule{}, fmt.Errorf("%w %s with the labels %v on %s; there is one with others: check prometheus.alert.labels", ErrRuleNotFound, name, labels, c.safe)
		}
		return Rule{}, fmt.Errorf("%w %s on %s%s", ErrRuleNotFound, name, c.safe, suggest(name, names))
	default:
		return Rule{}, fmt.Errorf("%d alerting rules are named %s on %s; add labels under prometheus.alert.labels until one is left", len(found), name, c.safe)
	}
}

func includes(have, want map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}

// suggest names up to three of the nearest.
func suggest(name string, names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return "; it has no alerting rules at all"
	}
	slices.SortStableFunc(names, func(a, b string) int { return distance(name, a) - distance(name, b) })
	return "; the nearest are " + strings.Join(names[:min(3, len(names))], ", ")
}

// distance is Levenshtein's, ignoring case.
func distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// Target is an active scrape target.
type Target struct {
	Labels         map[string]string
	URL            string
	Health         string // up, down, unknown
	ScrapeInterval time.Duration
	ScrapeTimeout  time.Duration
	LastScrape     time.Time
}

// Target is every active target whose labels include labels. None is no error.
func (c *Client) Target(ctx context.Context, labels map[string]string) ([]Target, error) {
	var all struct {
		Active []struct {
			Labels     map[string]string `json:"labels"`
			URL        string            `json:"scrapeUrl"`
			Health     string            `json:"health"`
			LastScrape time.Time         `json:"lastScrape"`
			Interval   string            `json:"scrapeInterval"`
			Timeout    string            `json:"scrapeTimeout"`
		} `json:"activeTargets"`
	}
	if err := c.get(ctx, "/api/v1/targets", url.Values{"state": {"active"}}, &all); err != nil {
		return nil, err
	}
	var found []Target
	for _, t := range all.Active {
		if !includes(t.Labels, labels) {
			continue
		}
		interval, err := duration(t.Interval)
		if err != nil {
			return nil, fmt.Errorf("scrape interval of %s on %s: %w", t.URL, c.safe, err)
		}
		timeout, err := duration(t.Timeout)
		if err != nil {
			return nil, fmt.Errorf("scrape timeout of %s on %s: %w", t.URL, c.safe, err)
		}
		found = append(found, Target{Labels: t.Labels, URL: t.URL, Health: t.Health, ScrapeInterval: interval, ScrapeTimeout: timeout, LastScrape: t.LastScrape})
	}
	return found, nil
}
