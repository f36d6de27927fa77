// Package bridge carries a Kafka topic to browsers over Server-Sent Events.
//
//	Kafka ──readers, every partition──► log: segments of ready-made frames ──cursors──► clients
//	  ▲                                  │ position                                       │
//	  ├──group session: owns, commits ◄──┘                 older than the log             │
//	  └──history: reads at the client's own offsets ◄────────────────────────────────────┘
//
// Delivery never waits for the group: every replica reads the whole topic and
// serves every client all of it; the group only says who commits what. A record
// is encoded once, and a client is a cursor, so a slow one costs others nothing
// and loses nothing: Kafka is the buffer. An event's id is the offset vector of
// the whole topic, so that a client resumes exactly, here or on another replica.
// What cannot be delivered is said with a gap event.
//
// It must not import anything of the drill: the drill meets it as users do.
package bridge
