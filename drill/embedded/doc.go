// Package embedded is a drill's world on this machine: a Kafka broker, a
// Prometheus and the service under drill, which is a process of its own.
//
//	kfake ◄── bridge process ──► SSE witness
//	  ▲            ▲ scrape
//	  └── lag ◄────┴── Prometheus: TSDB, scrape, rules, /api/v1
//
// Everything listens on loopback, on ports that the system chose. It is the one
// place outside tests that imports prometheus/prometheus (its expression parser
// apart) or kfake, and it must not import bridge: the drill meets the bridge as
// a user does. With the build tag slim it is left out.
package embedded
