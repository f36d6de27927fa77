// Package window says when an alert must fire and resolve, from the timing that
// the running Prometheus reports, and what raw samples show of it.
//
//	stop call ─► DownSeen ─► Pending ─► Firing      up again ─► UpSeen ─► Resolved
//
// It is pure arithmetic over instants of Prometheus's clock; it imports nothing
// but the standard library. Windows are never widened to be kind: what is not
// known for sure is in the width of the observation, which is a Span too.
//
// The bounds follow from how Prometheus works: a target is scraped every τ, a
// failed scrape writes up 0 at the time the scrape began, a rule group is
// evaluated every I, and an alert fires at the first evaluation at which it was
// active for at least `for`, that is F = ceil(for/I)·I after the first.
package window
