// Package collector reads commits and log ends from Kafka, for the drill's own
// witness and as Prometheus metrics that survive the bridge's outage.
//
//	Kafka ── commits first, then ends ──► Snapshot ──► kafka_consumergroup_lag …
//
// Names and labels are those of danielqsj/kafka_exporter, so that dashboards and
// rules work with either. A read that fails gives no series, never zeros.
package collector
