package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// Where a group without commits begins.
const (
	ResetEarliest = "earliest"
	ResetLatest   = "latest"
)

// Config is what a bridge is made of. Begin with DefaultConfig.
type Config struct {
	Brokers     []string
	Topic       string
	Group       string
	OffsetReset string // ResetEarliest or ResetLatest
	InstanceID  string // static member id; "" means host name and port

	Connect func(*sarama.Config) error                                   // sets up TLS and login; nil for none
	Explain func(context.Context, []string, *sarama.Config, error) error // puts a connection's failure into words; nil for as it is

	Addr       string   // host:port to listen on
	Origins    []string // that browsers may come from; "*" for any, none: CORS is off
	MaxClients int      // streams at once

	Rewind         int64         // records per partition, read again at start so that clients need not go to Kafka
	LogBytes       int64         // frames kept in memory
	HistoryReaders int           // reads of history at once
	Heartbeat      time.Duration // a sign of life on an idle stream, jittered by a fifth
	WriteTimeout   time.Duration // a client that takes nothing for so long is cut; it can resume
	Retry          time.Duration // what clients are told to wait before they come again, jittered
	Shutdown       time.Duration // all of an orderly end; below the 10 s that Docker gives
}

// DefaultConfig is the usual service.
func DefaultConfig() Config {
	return Config{
		Brokers: []string{"kafka:9092"}, Topic: "aetherlink.events", Group: "crm-events-sse", OffsetReset: ResetEarliest,
		Addr: ":9010", MaxClients: 10_000,
		Rewind: 10_000, LogBytes: 64 << 20, HistoryReaders: 8,
		Heartbeat: 15 * time.Second, WriteTimeout: time.Minute, Retry: 2 * time.Second, Shutdown: 7 * time.Second,
	}
}

// Validate names every field that is wrong.
func (c Config) Validate() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	want(len(c.Brokers) > 0, "brokers: at least one host:port is needed")
	for _, b := range c.Brokers {
		_, _, err := net.SplitHostPort(b)
		want(err == nil, "brokers: %q is not host:port", b)
	}
	want(c.Topic != "", "topic: must not be empty")
	want(c.Group != "", "group: must not be empty")
	want(c.OffsetReset == ResetEarliest || c.OffsetReset == ResetLatest, "offset-reset: %q is neither %s nor %s", c.OffsetReset, ResetEarliest, ResetLatest)
	_, port, err := net.SplitHostPort(c.Addr)
	want(err == nil && port != "", "listen address: %q is not host:port", c.Addr)
	for _, o := range c.Origins {
		u, err := url.Parse(o)
		want(o == "*" || err == nil && u.Scheme != "" && u.Host != "" && !strings.HasSuffix(o, "/"), "origins: %q is neither * nor of the form https://host", o)
	}
	want(c.MaxClients > 0, "max-clients: %d is not above 0", c.MaxClients)
	want(c.Rewind >= 0, "rewind: %d is below 0", c.Rewind)
	want(c.LogBytes >= 1<<20, "log-bytes: %d is below 1 MiB", c.LogBytes)
	want(c.HistoryReaders > 0, "history-readers: %d is not above 0", c.HistoryReaders)
	want(c.Heartbeat >= time.Second, "heartbeat: %s is below 1s", c.Heartbeat)
	want(c.WriteTimeout >= time.Second, "write-timeout: %s is below 1s", c.WriteTimeout)
	want(c.Retry >= 100*time.Millisecond, "retry: %s is below 100ms", c.Retry)
	want(c.Shutdown > 0 && c.Shutdown < 10*time.Second, "shutdown: %s is not between 0 and the 10s that Docker gives", c.Shutdown)
	return errors.Join(errs...)
}
