//go:build !slim

package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/aetherlink/aether/lag/collector"
	"github.com/aetherlink/aether/monitoring"
)

// Jobs that are scraped.
const (
	jobBridge = "crm-events"
	jobLag    = "kafka-exporter"
)

// Stack is broker, Prometheus and lag collector, and a port that is kept for
// the bridge.
type Stack struct {
	broker  *kfake.Cluster
	prom    *server
	lag     *http.Server
	reader  *collector.Reader
	port    *heldPort
	cfg     Config
	lagAddr string
	rules   []byte
	changes []string
	group   sync.WaitGroup
	once    sync.Once
	err     error
}

// Start brings up the broker and all that does not look at the service. Nothing
// of it is left where it fails.
func Start(cfg Config, kafka *sarama.Config) (_ *Stack, err error) {
	s := &Stack{cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.rules, s.changes, err = onClock(monitoring.Rules(), cfg.Alert, cfg.Evaluate, cfg.For); err != nil {
		return nil, err
	}
	if s.port, err = holdPort(); err != nil {
		return nil, fmt.Errorf("reserve a port for the bridge: %w", err)
	}
	s.broker, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(int32(cfg.Partitions), cfg.Topic), kfake.DataDir(filepath.Join(cfg.Dir, "kafka")))
	if err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	s.lagAddr, err = s.serveLag(cfg, kafka)
	return s, err
}

// Watch starts Prometheus. The service should answer by then: a first scrape
// that fails would make its alert pending before the drill has begun.
func (s *Stack) Watch(ctx context.Context) (err error) {
	s.prom, err = startPrometheus(ctx, s.cfg, configText(s.cfg), map[string]string{jobBridge: s.BridgeAddr(), jobLag: s.lagAddr}, s.rules)
	return err
}

// configText is the prometheus.yml of the stack. Protobuf comes first because
// only it carries the start time of a counter.
func configText(cfg Config) string {
	timeout := model.Duration(min(cfg.Scrape, 10*time.Second))
	return fmt.Sprintf(`
global:
  scrape_interval: %[1]s
  scrape_timeout: %[2]s
  evaluation_interval: %[3]s
  scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0, PrometheusText0.0.4]
scrape_configs:
  - job_name: %[4]s
  - job_name: %[5]s
`, model.Duration(cfg.Scrape), timeout, model.Duration(cfg.Evaluate), jobBridge, jobLag)
}

func jobLabels(job string) model.LabelSet {
	if job != jobBridge {
		return nil
	}
	return model.LabelSet{"service": "crm-events", "component": "events", "project": "Aetherlink", "module": "CRM-Events"}
}

// serveLag serves the lag collector, which outlives the bridge's outage.
func (s *Stack) serveLag(cfg Config, kafka *sarama.Config) (addr string, err error) {
	if s.reader, err = collector.NewReader(s.Brokers(), kafka); err != nil {
		return "", err
	}
	reg := prometheus.NewRegistry()
	if err := reg.Register(collector.New(s.reader, cfg.Group, cfg.Topic, cfg.Log)); err != nil {
		return "", fmt.Errorf("register lag collector: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for the lag collector: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	s.lag = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	s.group.Go(func() { _ = s.lag.Serve(listener) })
	return listener.Addr().String(), nil
}

// Brokers is where the broker listens.
func (s *Stack) Brokers() []string { return s.broker.ListenAddrs() }

// PrometheusURL is the base of its API.
func (s *Stack) PrometheusURL() string { return s.prom.url }

// BridgeAddr is the host:port that the service under drill has to listen on.
// Nobody else is given it while the service is down.
func (s *Stack) BridgeAddr() string { return s.port.addr }

// Changes says what of the shipped rules was replaced by the drill's clock.
func (s *Stack) Changes() []string { return s.changes }

// Close ends everything and waits for it. It may be called again.
func (s *Stack) Close() error {
	s.once.Do(func() {
		if s.prom != nil {
			s.err = s.prom.close()
		}
		if s.lag != nil {
			s.err = errors.Join(s.err, s.lag.Close())
		}
		s.group.Wait()
		if s.reader != nil {
			s.reader.Close()
		}
		if s.broker != nil {
			s.broker.Close()
		}
		if s.port != nil {
			s.err = errors.Join(s.err, s.port.close())
		}
	})
	return s.err
}

// version is that of the Prometheus this was built with.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/prometheus/prometheus" {
				return d.Version + " (embedded)"
			}
		}
	}
	return "embedded"
}
