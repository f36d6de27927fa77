// Package monitoring holds what watches the bridge: Prometheus rules, embedded
// in the binary. It is a leaf: it imports nothing of this module.
package monitoring
