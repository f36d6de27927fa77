// Package realworld starts the real servers that integration tests run
// against, each on free ports of 127.0.0.1, with its files in a folder of its
// own that is gone after the test.
//
//	Docker ──────► dockerd of its own: build, run, stop, take the daemon away
//	Kafka ───────► Apache Kafka: PLAINTEXT, and TLS and SASL where wanted; restart, freeze
//	Prometheus ──► Debian's server on the project's rules, on a faster clock
//	Alertmanager ► Debian's server with a webhook
//
// A server is there when it answers, not when it was started. One that does not
// come up fails its test with the last lines of its log; it is never skipped:
// `.ci/real` installs what is missing. A server ends with its test, however
// that ends, a killed test process included.
//
// Everything but this page has the build tag integration. It may import
// monitoring and nothing else of this module.
package realworld
