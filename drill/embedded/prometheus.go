//go:build !slim

package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/grafana/regexp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/notifications"
	v1 "github.com/prometheus/prometheus/web/api/v1"
)

// server is a Prometheus in this process: the real storage, scrape and rules
// managers and the real API.
type server struct {
	url    string
	db     *tsdb.DB
	scrape *scrape.Manager
	rules  *rules.Manager
	http   *http.Server
	cancel context.CancelFunc
	group  sync.WaitGroup
}

// startPrometheus scrapes targets (job → address) and evaluates the rules file.
func startPrometheus(ctx context.Context, cfg Config, configText string, targets map[string]string, rulesText []byte) (_ *server, err error) {
	log := cfg.Log.With("part", "prometheus")
	reg := prometheus.NewRegistry()
	parsed, err := config.Load(configText, log)
	if err != nil {
		return nil, fmt.Errorf("load Prometheus configuration: %w", err)
	}
	rulesFile := filepath.Join(cfg.Dir, "rules.yml")
	if err := os.WriteFile(rulesFile, rulesText, 0o600); err != nil {
		return nil, fmt.Errorf("write rules: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for Prometheus: %w", err)
	}
	s := &server{url: "http://" + listener.Addr().String()}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, listener.Close(), s.close())
		}
	}()
	options := tsdb.DefaultOptions()
	options.EnableSTAsZeroSample = true // a counter's start is a sample: rate() sees what came before the first scrape
	if s.db, err = tsdb.Open(filepath.Join(cfg.Dir, "prometheus"), log, reg, options, nil); err != nil {
		return nil, fmt.Errorf("open Prometheus storage: %w", err)
	}
	p := parser.NewParser(parser.Options{})
	engine := promql.NewEngine(promql.EngineOpts{
		Logger: log, Reg: reg, MaxSamples: 5_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: p,
	})
	if err := s.startScrape(parsed, log, reg, targets); err != nil {
		return nil, err
	}
	if err := s.startRules(ctx, cfg, log, reg, engine, p, rulesFile); err != nil {
		return nil, err
	}
	s.serve(listener, s.api(parsed, cfg, log, reg, engine, p))
	return s, nil
}

func (s *server) startScrape(cfg *config.Config, log *slog.Logger, reg prometheus.Registerer, targets map[string]string) error {
	m, err := scrape.NewManager(&scrape.Options{
		DiscoveryReloadInterval: model.Duration(50 * time.Millisecond), EnableStartTimestampZeroIngestion: true, ParseST: true,
	}, log, nil, nil, s.db, reg)
	if err != nil {
		return fmt.Errorf("start scraping: %w", err)
	}
	if err := m.ApplyConfig(cfg); err != nil {
		return fmt.Errorf("start scraping: %w", err)
	}
	groups := map[string][]*targetgroup.Group{}
	for _, sc := range cfg.ScrapeConfigs {
		groups[sc.JobName] = []*targetgroup.Group{{Source: "drill", Targets: []model.LabelSet{{model.AddressLabel: model.LabelValue(targets[sc.JobName])}}, Labels: jobLabels(sc.JobName)}}
	}
	sets := make(chan map[string][]*targetgroup.Group, 1)
	sets <- groups
	s.scrape = m
	s.group.Go(func() { _ = m.Run(sets) })
	return nil
}

func (s *server) startRules(ctx context.Context, cfg Config, log *slog.Logger, reg prometheus.Registerer, engine *promql.Engine, p parser.Parser, file string) error {
	external, err := url.Parse(s.url)
	if err != nil {
		return err
	}
	m := rules.NewManager(&rules.ManagerOptions{
		Appendable: s.db, Queryable: s.db, QueryFunc: rules.EngineQueryFunc(engine, s.db), Context: ctx, ExternalURL: external,
		Registerer: reg, Logger: log, OutageTolerance: time.Hour, ResendDelay: time.Minute, Parser: p,
		DefaultRuleQueryOffset: func() time.Duration { return 0 },
		NotifyFunc:             func(context.Context, string, ...*rules.Alert) {},
	})
	if err := m.Update(cfg.Evaluate, []string{file}, labels.EmptyLabels(), s.url, nil); err != nil {
		return fmt.Errorf("load rules: %w", err)
	}
	s.rules = m
	s.group.Go(m.Run)
	return nil
}

func (s *server) serve(listener net.Listener, handler http.Handler) {
	s.http = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.group.Go(func() { _ = s.http.Serve(listener) })
}

// api wires the positional parameters of Prometheus's own constructor. What is
// nil or false here is remote write, OTLP, agent mode and the UI.
func (s *server) api(cfg *config.Config, c Config, log *slog.Logger, reg *prometheus.Registry, engine *promql.Engine, p parser.Parser) http.Handler {
	host := s.url[len("http://"):]
	router := route.New()
	api := v1.NewAPI(engine, s.db, nil, nil, s.db,
		func(context.Context) v1.ScrapePoolsRetriever { return s.scrape },
		func(context.Context) v1.TargetRetriever { return s.scrape },
		func(context.Context) v1.AlertmanagerRetriever { return noAlertmanagers{} },
		func() config.Config { return *cfg }, map[string]string{},
		v1.GlobalURLOptions{ListenAddress: host, Host: host, Scheme: "http"},
		func(f http.HandlerFunc) http.HandlerFunc { return f },
		storage{s.db}, c.Dir, false, false, 100, log,
		func(context.Context) v1.RulesRetriever { return s.rules },
		1_000_000, 10, 1<<20, false, regexp.MustCompile("^(?:.*)$"),
		func() (v1.RuntimeInfo, error) { return v1.RuntimeInfo{}, nil }, &v1.PrometheusVersion{Version: version()},
		func() []notifications.Notification { return nil },
		func() (<-chan notifications.Notification, func(), bool) { return nil, func() {}, false },
		reg, reg, nil, false, nil, false, false, false, false, 5*time.Minute, false, false, nil, nil, v1.OpenAPIOptions{}, p)
	api.Register(router.WithPrefix("/api/v1"))
	return router
}

// close ends it all and waits. Parts that were not started are left out.
func (s *server) close() (err error) {
	if s.http != nil {
		err = s.http.Close()
	}
	if s.rules != nil {
		s.rules.Stop()
	}
	if s.scrape != nil {
		s.scrape.Stop()
	}
	s.cancel()
	s.group.Wait()
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

type noAlertmanagers struct{}

func (noAlertmanagers) Alertmanagers() []*url.URL        { return nil }
func (noAlertmanagers) DroppedAlertmanagers() []*url.URL { return nil }

// storage adds what the API asks of a storage and a bare TSDB lacks.
type storage struct{ *tsdb.DB }

func (s storage) Stats(label string, limit int) (*tsdb.Stats, error) {
	return s.Head().Stats(label, limit), nil
}
func (s storage) WALReplayStatus() (tsdb.WALReplayStatus, error) {
	return tsdb.WALReplayStatus{}, nil
}
func (s storage) BlockMetas() ([]tsdb.BlockMeta, error) { return nil, nil }
