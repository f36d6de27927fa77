// Package monitoring holds what watches the bridge, and the stack to try it in.
//
//	rules/             Prometheus rules, embedded in the binary
//	prometheus.yml     scrapes the bridge, loads the rules ──► alertmanager.yml
//	compose.yaml       Kafka, the bridge and the two servers above
//
// Names, ports and labels in these files fit each other; tests see to it. It is
// a leaf: it imports nothing of this module.
package monitoring
