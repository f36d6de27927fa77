package bridge

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics is everything that /metrics shows. Labels are bounded, and what can
// be known in advance begins at 0.
type metrics struct {
	messages   prometheus.Counter
	deliveries prometheus.Counter
	clients    prometheus.Gauge
	requests   *prometheus.CounterVec // path, method, code
	turnedAway prometheus.Counter
	catchUps   prometheus.Counter
	gaps       *prometheus.CounterVec // reason
	latency    prometheus.Histogram
	logBytes   prometheus.Gauge
	owned      prometheus.Gauge
	commitAge  prometheus.GaugeFunc
	readTo     *prometheus.GaugeVec // partition
	committed  *prometheus.GaugeVec // partition
	kafkaErrs  *prometheus.CounterVec
}

// Reasons of gaps, and what can fail at Kafka.
const (
	gapRetention = "retention"
	gapRecreated = "topic recreated"

	failRead   = "read"
	failCommit = "commit"
	failGroup  = "group"
	failTopic  = "topic"
)

// newMetrics registers; commitAge is the seconds since every owned partition
// was known to be committed.
func newMetrics(reg *prometheus.Registry, commitAge func() float64) *metrics {
	reg.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	f := promauto.With(reg)
	m := &metrics{
		messages:   f.NewCounter(prometheus.CounterOpts{Name: "crm_events_messages_total", Help: "Kafka records taken, each once per process; what was read again at start is not counted."}),
		deliveries: f.NewCounter(prometheus.CounterOpts{Name: "crm_events_deliveries_total", Help: "Events written to clients."}),
		clients:    f.NewGauge(prometheus.GaugeOpts{Name: "crm_events_sse_clients", Help: "Open streams."}),
		requests:   f.NewCounterVec(prometheus.CounterOpts{Name: "crm_events_http_requests_total", Help: "Requests, counted when the response's header is written."}, []string{"path", "method", "code"}),
		turnedAway: f.NewCounter(prometheus.CounterOpts{Name: "crm_events_sse_turned_away_total", Help: "Streams closed at once because there were too many, or because nothing is known of the topic yet."}),
		catchUps:   f.NewCounter(prometheus.CounterOpts{Name: "crm_events_catchups_total", Help: "Times a client was behind the log and was served from Kafka."}),
		gaps:       f.NewCounterVec(prometheus.CounterOpts{Name: "crm_events_gaps_total", Help: "Ranges that could not be delivered, said to the client or found by the readers."}, []string{"reason"}),
		latency: f.NewHistogram(prometheus.HistogramOpts{
			Name: "crm_events_latency_seconds", Help: "From a record's time to its flush to a client, for the newest event of each flush.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
		logBytes:  f.NewGauge(prometheus.GaugeOpts{Name: "crm_events_log_bytes", Help: "Memory of the frames held."}),
		owned:     f.NewGauge(prometheus.GaugeOpts{Name: "crm_events_owned_partitions", Help: "Partitions that this process commits."}),
		commitAge: f.NewGaugeFunc(prometheus.GaugeOpts{Name: "crm_events_commit_age_seconds", Help: "Since all that was read of the owned partitions was known to be committed."}, commitAge),
		readTo:    f.NewGaugeVec(prometheus.GaugeOpts{Name: "crm_events_read_offset", Help: "Next offset to be read."}, []string{"partition"}),
		committed: f.NewGaugeVec(prometheus.GaugeOpts{Name: "crm_events_committed_offset", Help: "Offset committed by this process."}, []string{"partition"}),
		kafkaErrs: f.NewCounterVec(prometheus.CounterOpts{Name: "crm_events_kafka_errors_total", Help: "What failed at Kafka, and was or is tried again."}, []string{"operation"}),
	}
	for _, r := range []string{gapRetention, gapRecreated} {
		m.gaps.WithLabelValues(r)
	}
	for _, op := range []string{failRead, failCommit, failGroup, failTopic} {
		m.kafkaErrs.WithLabelValues(op)
	}
	for _, path := range pathNames() {
		m.requests.WithLabelValues(path, "GET", "200")
	}
	return m
}
