// Package promcheck reads what a Prometheus server knows: raw samples, alerting
// rules and scrape targets, with the timing that alert windows follow from.
//
//	Raw ── instant query of a bare range selector ──► samples with their own times
//	Rule, Targets, ClockOffset, Version ──► the server's own account of itself
//
// Evidence is never read with query_range, which repeats the latest sample at
// every step. It may import Prometheus's expression parser and nothing else of
// the server.
package promcheck
