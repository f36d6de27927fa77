// Command aether carries a Kafka topic to browsers over Server-Sent Events, and
// proves by a scripted outage that what is told about that service is true.
//
//	aether serve            the bridge
//	aether drill run        the outage, and a verdict with its evidence
//
// This is the only package that prints, reads the environment, and builds the
// outside world that the others are handed. Standard output is data, standard
// error is for people.
package main
