// Package live runs a drill against a world: it stops the target, makes the
// backlog, waits, puts the target back, and writes down everything it sees.
//
//	stages ──► Target (process, …)   stop, restore
//	   │
//	   ├─────► producer, read-back   what is owed
//	   ▼
//	 Tape ◄─── witnesses: SSE stream, Prometheus, Kafka offsets
//	   │
//	   ▼
//	journal, facts ──► drill.NewResult
//
// It measures and waits; it judges nothing. Stages wait on the same fold of the
// journal that the checks read later. Whatever ends a run, a target that was
// stopped is put back first. It must not import an embedded world: that one is
// built on top of it.
package live
