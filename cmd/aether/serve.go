package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/aetherlink/aether/bridge"
	"github.com/aetherlink/aether/kafka"
)

// serveFlags is what the command line adds to the bridge's Config.
type serveFlags struct {
	bridge.Config
	login    loginFlags
	host     string
	port     int
	logLevel string
	logJSON  bool
}

const (
	portDefault = 9010
	serveEnv    = `
Environment, where a flag is not given:
  KAFKA_BROKERS, KAFKA_TOPIC, KAFKA_GROUP, KAFKA_OFFSET_RESET, PORT,
  KAFKA_TLS, KAFKA_TLS_CA, KAFKA_TLS_CERT, KAFKA_TLS_KEY,
  KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD`
)

func (a *app) serveCmd() *cobra.Command {
	f := serveFlags{Config: bridge.DefaultConfig()}
	c := &cobra.Command{
		Use: "serve", Short: "Carry a Kafka topic to browsers over Server-Sent Events",
		Long: "Carry a Kafka topic to browsers over Server-Sent Events at /crm-events, with exact resume.\n" + serveEnv,
		Example: `  aether serve --brokers localhost:19092
  aether serve --brokers kafka:9093 --tls-ca ca.pem --sasl-mechanism SCRAM-SHA-512 --sasl-username bridge --sasl-password-file /run/secrets/kafka
  KAFKA_BROKERS=kafka:9092 PORT=9010 aether serve --origins https://crm.example
  curl -N 'http://localhost:9010/crm-events?from=earliest'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.serve(c, &f) },
	}
	fs := c.Flags()
	fs.StringSliceVar(&f.Brokers, "brokers", f.Brokers, "Kafka bootstrap addresses, host:port")
	fs.StringVar(&f.Topic, "topic", f.Topic, "topic that is carried")
	fs.StringVar(&f.Group, "group", f.Group, "consumer group that commits")
	fs.StringVar(&f.OffsetReset, "offset-reset", f.OffsetReset, "where a group without commits begins: earliest or latest")
	fs.StringVar(&f.InstanceID, "instance-id", "", "static member id, one for each replica (default host name and port)")
	f.login.add(c)
	fs.StringVar(&f.host, "host", "", "address to listen on (default all)")
	fs.IntVar(&f.port, "port", portDefault, "port to listen on, 0 for any")
	fs.StringSliceVar(&f.Origins, "origins", nil, "origins that browsers may come from, or * (default none: CORS is off)")
	fs.IntVar(&f.MaxClients, "max-clients", f.MaxClients, "streams at once; more are told to come back later")
	fs.Int64Var(&f.Rewind, "rewind", f.Rewind, "records per partition read again at start, so that clients can resume from memory")
	fs.Int64Var(&f.LogBytes, "log-bytes", f.LogBytes, "bytes of frames kept in memory")
	fs.IntVar(&f.HistoryReaders, "history-readers", f.HistoryReaders, "reads of older events from Kafka at once")
	fs.DurationVar(&f.Heartbeat, "heartbeat", f.Heartbeat, "sign of life on an idle stream")
	fs.DurationVar(&f.WriteTimeout, "write-timeout", f.WriteTimeout, "a client that takes nothing for so long is cut; it can resume")
	fs.DurationVar(&f.Retry, "retry", f.Retry, "what clients are told to wait before they come again, jittered")
	fs.DurationVar(&f.Shutdown, "shutdown", f.Shutdown, "limit of an orderly end")
	fs.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	fs.BoolVar(&f.logJSON, "log-json", false, "write log lines as JSON")
	return c
}

func (a *app) serve(c *cobra.Command, f *serveFlags) error {
	env := append([]envFlag{
		{"KAFKA_BROKERS", "brokers"}, {"KAFKA_TOPIC", "topic"}, {"KAFKA_GROUP", "group"}, {"KAFKA_OFFSET_RESET", "offset-reset"}, {"PORT", "port"},
	}, loginEnv()...)
	if err := a.fromEnvironment(c, env); err != nil {
		return err
	}
	log, err := a.logger(f.logLevel, f.logJSON)
	if err != nil {
		return err
	}
	if f.port < 0 || f.port > 65535 {
		return usage("port: %d is not between 0 and 65535", f.port)
	}
	f.Addr = net.JoinHostPort(f.host, strconv.Itoa(f.port))
	if err := f.Validate(); err != nil {
		return usage("%w\nTry: aether serve --help", err)
	}
	login, err := a.login(f.login)
	if err != nil {
		return err
	}
	f.Connect, f.Explain = login.Apply, kafka.Explain
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	b, err := bridge.New(f.Config, log, prometheus.NewRegistry())
	if err == nil {
		err = b.Run(ctx)
	}
	if err != nil {
		return &exit{code: exitFail, err: err}
	}
	return nil
}

func (a *app) logger(level string, json bool) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usage("log-level: %q is none of debug, info, warn, error", level)
	}
	o := &slog.HandlerOptions{Level: l}
	if json {
		return slog.New(slog.NewJSONHandler(a.err, o)), nil
	}
	return slog.New(slog.NewTextHandler(a.err, o)), nil
}

func (a *app) healthCmd() *cobra.Command {
	url := ""
	c := &cobra.Command{
		Use: "healthcheck", Short: "Ask a bridge on this host for its health, for images without a shell",
		Example: "  aether healthcheck\n  aether healthcheck --url http://127.0.0.1:9010/readyz",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if url == "" {
				port := strconv.Itoa(portDefault)
				if p, ok := a.env("PORT"); ok && p != "" {
					port = p
				}
				url = "http://127.0.0.1:" + port + "/healthz"
			}
			if err := health(url); err != nil {
				return &exit{code: exitFail, err: err}
			}
			return nil
		},
	}
	c.Flags().StringVar(&url, "url", "", "what to ask (default /healthz on the port in PORT)")
	return c
}

func health(url string) error {
	client := http.Client{Timeout: 3 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("check health: GET %s answered %s", url, resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}
