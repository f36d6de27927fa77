package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/drill/live"
)

type produceFlags struct {
	brokers []string
	topic   string
	login   loginFlags
	events  drill.BacklogSpec
}

func (a *app) produceCmd() *cobra.Command {
	f := produceFlags{events: drill.DefaultBacklog()}
	f.events.Events = 10
	c := &cobra.Command{
		Use: "produce [SPEC]", Short: "Produce test events by hand, such as a drill's own",
		Long: "Produce test events by hand, in the form of a drill's own, idempotently and acknowledged by all replicas.\n" +
			"SPEC says where to and how to log in, or flags and environment do. Standard output says where the events are.\n" +
			"Their header " + drill.HeaderID + " begins with produce-, so that no drill takes them for its own.\n\n" +
			"Environment, where there is no SPEC and a flag is not given: KAFKA_BROKERS, KAFKA_TOPIC, KAFKA_TLS, KAFKA_TLS_CA,\n" +
			"KAFKA_TLS_CERT, KAFKA_TLS_KEY, KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD\n\n" +
			"Exit codes: 0 all acknowledged, 1 not all, 2 usage or spec error, 130 interrupted.",
		Example: `  aether drill produce --brokers localhost:19092 --topic aetherlink.events
  aether drill produce drill.yaml --events 200 --rate 50`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.produce(c, args, &f) },
	}
	fs := c.Flags()
	fs.StringSliceVar(&f.brokers, "brokers", nil, "Kafka bootstrap addresses, host:port")
	fs.StringVar(&f.topic, "topic", "", "topic to produce to")
	fs.IntVar(&f.events.Events, "events", f.events.Events, "how many")
	fs.IntVar(&f.events.Rate, "rate", f.events.Rate, "events per second, 0 for as fast as it goes")
	fs.IntVar(&f.events.Size, "size", f.events.Size, "bytes of a value")
	fs.StringVar(&f.events.Tenant, "tenant", f.events.Tenant, "tenant in the events, and their key")
	f.login.add(c)
	return c
}

func (a *app) produce(c *cobra.Command, args []string, f *produceFlags) error {
	to, err := a.produceTo(c, args, f)
	if err != nil {
		return err
	}
	if err := f.events.Validate(); err != nil {
		return usage("%w\nTry: aether drill produce --help", err)
	}
	conf, err := live.KafkaConfig(to)
	if err != nil {
		return usage("%w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	id := "produce-" + time.Now().UTC().Format("20060102T150405.000Z")
	landed, err := live.ByHand(ctx, to.Brokers, conf, live.Load{
		Drill: id, Topic: to.Topic, Tenant: f.events.Tenant, Events: f.events.Events, Rate: f.events.Rate, Size: f.events.Size,
	})
	if err := a.printLanded(landed); err != nil {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return &exit{code: exitInterrupted, err: err}
	case err != nil:
		return &exit{code: exitFail, err: err}
	}
	fmt.Fprintf(a.err, "%d events acknowledged on %s, header %s: %s\n", f.events.Events, to.Topic, drill.HeaderID, id)
	return nil
}

// printLanded: one line for each partition that got any.
func (a *app) printLanded(landed []live.Landed) error {
	for _, p := range landed {
		if p.Events == 0 {
			continue
		}
		if _, err := fmt.Fprintf(a.out, "partition %d %d..%d\n", p.Partition, p.From, p.To); err != nil {
			return &exit{code: exitInternal, err: fmt.Errorf("print offsets: %w", err)}
		}
	}
	return nil
}

// produceTo is where to: a spec's broker, or what flags and environment say. It
// is never a mix, because events in a wrong topic cannot be taken back.
func (a *app) produceTo(c *cobra.Command, args []string, f *produceFlags) (drill.KafkaSpec, error) {
	env := append([]envFlag{{"KAFKA_BROKERS", "brokers"}, {"KAFKA_TOPIC", "topic"}}, loginEnv()...)
	if len(args) == 1 {
		for _, v := range append(env, envFlag{flag: "sasl-password-file"}) {
			if c.Flags().Changed(v.flag) {
				return drill.KafkaSpec{}, usage("--%s and a SPEC: one of them says where to", v.flag)
			}
		}
		spec, err := a.loadSpec(args[0])
		if err == nil && spec.Embedded != nil {
			err = usage("spec %s has a broker of its own, which is there only while its drill runs\nTry: aether drill produce --brokers HOST:PORT --topic TOPIC", args[0])
		}
		return spec.Kafka, err
	}
	if err := a.fromEnvironment(c, env); err != nil {
		return drill.KafkaSpec{}, err
	}
	if len(f.brokers) == 0 || f.topic == "" {
		return drill.KafkaSpec{}, usage("brokers and topic are needed, or a SPEC that has them\nTry: aether drill produce --help")
	}
	login, err := a.login(f.login)
	if err != nil {
		return drill.KafkaSpec{}, err
	}
	to := drill.KafkaSpec{Brokers: f.brokers, Topic: f.topic}
	if t := login.TLS; t != nil {
		to.TLS = &drill.TLSSpec{CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile}
	}
	if s := login.SASL; s != nil {
		to.SASL = &drill.SASLSpec{Mechanism: s.Mechanism, Username: s.Username, Password: drill.Secret(s.Password)}
	}
	return to, nil
}
