package collector

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/aetherlink/aether/lag"
)

// Collector is a prometheus.Collector that reads Kafka at every scrape.
type Collector struct {
	reader       *Reader
	group, topic string
	log          *slog.Logger

	lag, lagSum, current, currentSum, members, end, start *prometheus.Desc
}

// New collects one group on one topic.
func New(r *Reader, group, topic string, log *slog.Logger) *Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	const g, t, p = "consumergroup", "topic", "partition"
	return &Collector{
		reader: r, group: group, topic: topic, log: log,
		lag:        desc("kafka_consumergroup_lag", "Log end less commit; -1: the group has no commit on the partition; absent: the commit is beyond the log.", g, t, p),
		lagSum:     desc("kafka_consumergroup_lag_sum", "Lag of all partitions; absent while it is not known of all.", g, t),
		current:    desc("kafka_consumergroup_current_offset", "Committed offset; -1: none.", g, t, p),
		currentSum: desc("kafka_consumergroup_current_offset_sum", "Committed offsets of all partitions added up.", g, t),
		members:    desc("kafka_consumergroup_members", "Members of the group.", g),
		end:        desc("kafka_topic_partition_current_offset", "End of the log.", t, p),
		start:      desc("kafka_topic_partition_oldest_offset", "Start of the log.", t, p),
	}
}

// Describe lists every metric.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.lag, c.lagSum, c.current, c.currentSum, c.members, c.end, c.start} {
		out <- d
	}
}

// scrapeLimit bounds one read; a scrape that lasts longer is lost anyway.
const scrapeLimit = 10 * time.Second

// Collect reads Kafka. A failure is logged and gives no series at all.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	s, err := c.reader.Read(ctx, c.group, c.topic)
	if err != nil {
		c.log.Warn("offsets not collected", "group", c.group, "topic", c.topic, "err", err)
		return
	}
	gauge := func(d *prometheus.Desc, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	var ps []lag.Partition
	var committed int64
	for i := range s.End {
		part := lag.Partition{Start: s.Start[i], End: s.End[i], Committed: s.Committed[i]}
		ps = append(ps, part)
		label := strconv.Itoa(i)
		n, err := part.Lag()
		if part.Committed == lag.None {
			n = lag.None
		}
		if !errors.Is(err, lag.ErrBeyondEnd) { // then it is not known, and 0 would say that all is well
			gauge(c.lag, n, c.group, c.topic, label)
		}
		gauge(c.current, part.Committed, c.group, c.topic, label)
		gauge(c.end, part.End, c.topic, label)
		gauge(c.start, part.Start, c.topic, label)
		committed += max(part.Committed, 0)
	}
	if sum, err := lag.Sum(ps); err == nil {
		gauge(c.lagSum, sum, c.group, c.topic)
		gauge(c.currentSum, committed, c.group, c.topic)
	}
	gauge(c.members, int64(s.Members), c.group)
}
