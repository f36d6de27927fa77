// Package kafka is the one place where TLS and SASL for Kafka are set up, for
// bridge, drill and lag alike, and where a connection that failed is put into
// words.
//
//	Login ──Apply──► *sarama.Config ──► clients
//	                       │
//	error of a client ──Explain──► what is wrong, and what to try
//
// A Login never prints its password. Explain connects again to find out what
// is wrong; it changes nothing at the broker. The package imports nothing else
// of this module.
package kafka
