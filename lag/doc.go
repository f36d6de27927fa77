// Package lag is the arithmetic of consumer lag: committed offsets against end
// offsets, with the ugly cases named. It is pure; package collector reads Kafka.
package lag
