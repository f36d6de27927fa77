// Package checks is every assertion of a drill: one file a check, one literal
// list.
//
//	facts ─► All() ─► baseline · target · up · alert ─┐
//	                  backlog · lag · offsets         ├─► findings
//	                  recovery · delivery             │
//	                  counter · rate · clients       ─┘
//
// A check says what was expected and what was observed, in words and numbers,
// and the journal lines that it stands on. What was not looked at is
// inconclusive; an observation that lies only partly in its window is, too.
// Windows are never widened. One cause gives one red line: a check that cannot
// be judged because of another says so and stays undecided.
//
// It is pure: it imports drill, the windows of promcheck and the arithmetic of
// lag, and must not import net/http or a Kafka or Docker client.
package checks
