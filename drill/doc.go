// Package drill is what a drill means: its spec, the records of its journal,
// the facts they fold into, the ledger of events, and how checks are judged.
//
//	spec ─┐
//	      ├─► Judge ─► findings ─► Worst ─► verdict ─► Result
//	journal ─► Fold ─► Facts ─► Ledger
//
// It is pure: no network, no clock, no goroutines, so that a journal is judged
// the same on every machine and at any time. It must not import net/http, a
// Kafka or Docker client, or anything of this module.
//
// The rule that everything here serves: no data is never a pass. The zero
// Verdict is inconclusive, a pass without evidence is made inconclusive, and an
// account that does not balance proves nothing.
package drill
