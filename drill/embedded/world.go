//go:build !slim

package embedded

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/drill/live"
)

// self, as the first word of a command, means this program.
const self = "aether"

// World is a stack with the service under drill running in it.
type World struct {
	*live.World
	stack   *Stack
	process *live.Process
}

// Open starts the stack and the service under drill, and returns when that
// answers. The guard ends the service should this process die.
func Open(ctx context.Context, o Options) (_ *World, err error) {
	e := o.Spec.Embedded
	kafka, err := live.KafkaConfig(o.Spec.Kafka)
	if err != nil {
		return nil, err
	}
	w := &World{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	w.stack, err = Start(Config{
		Dir: o.Dir, Topic: o.Spec.Kafka.Topic, Group: o.Spec.Kafka.Group, Partitions: e.Partitions,
		Scrape: e.Scrape.D(), Evaluate: e.Evaluate.D(), For: e.For.D(), Alert: o.Spec.Prometheus.Alert.Name, Log: o.Log,
	}, kafka)
	if err != nil {
		return nil, fmt.Errorf("start the embedded world: %w", err)
	}
	if w.process, err = live.NewProcess(processConfig(o, w.stack)); err != nil {
		return nil, err
	}
	if err := w.process.Start(); err != nil {
		return nil, err
	}
	url := "http://" + w.stack.BridgeAddr()
	if err := w.awaitService(ctx, url+o.Spec.Bridge.Health, o.Spec.GiveUp.Baseline.D()); err != nil {
		return nil, err
	}
	if err := w.stack.Watch(ctx); err != nil {
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	w.World = &live.World{
		Kind: "embedded", Brokers: w.stack.Brokers(), Sarama: kafka, Prometheus: w.stack.PrometheusURL(), Bridge: url,
		Target: w.process, Own: o.Spec.Target.Process.Command[0] == self, Notes: w.stack.Changes(), Log: o.Log,
	}
	return w, nil
}

// Close ends the service, then the stack. It may be called on a World whose
// start failed, and again.
func (w *World) Close() (err error) {
	if w.process != nil {
		err = w.process.Close()
	}
	if w.stack != nil {
		err = errors.Join(err, w.stack.Close())
	}
	return err
}

// processConfig is the service as the spec names it. What connects it with this
// world cannot be set otherwise; the rest of the runner's environment is its own.
func processConfig(o Options, s *Stack) live.ProcessConfig {
	p := o.Spec.Target.Process
	_, port, _ := net.SplitHostPort(s.BridgeAddr())
	env := map[string]string{}
	for _, kv := range os.Environ() {
		if k, v, _ := strings.Cut(kv, "="); !strings.HasPrefix(k, "KAFKA_") { // how to reach another broker
			env[k] = v
		}
	}
	maps.Copy(env, p.Env)
	maps.Copy(env, map[string]string{
		"KAFKA_BROKERS": strings.Join(s.Brokers(), ","), "KAFKA_TOPIC": o.Spec.Kafka.Topic, "KAFKA_GROUP": o.Spec.Kafka.Group,
		"KAFKA_OFFSET_RESET": "earliest", "PORT": port,
	})
	var list []string
	for _, k := range slices.Sorted(maps.Keys(env)) {
		list = append(list, k+"="+env[k])
	}
	command := slices.Clone(p.Command)
	for i := range command {
		command[i] = strings.ReplaceAll(command[i], "${PORT}", port)
	}
	if command[0] == self {
		command[0] = o.Self
	}
	return live.ProcessConfig{
		Command: command, Env: list, Kill: p.Stop == drill.StopKill, StopTimeout: p.StopTimeout.D(),
		Output: filepath.Join(o.Dir, "target.log"), Guard: o.Guard,
	}
}

// awaitService waits for an answer, whatever it says: what it is worth is for
// the baseline to find out. A process that ends is not waited for.
func (w *World) awaitService(ctx context.Context, url string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("ask the target for its health: %w", err)
		}
		resp, err := client.Do(req)
		if err == nil {
			return resp.Body.Close()
		}
		again := time.NewTimer(25 * time.Millisecond)
		select {
		case <-again.C:
		case <-w.process.Ended():
			again.Stop()
			return fmt.Errorf("the target ended before it answered: %s", w.process.Ending())
		case <-ctx.Done():
			again.Stop()
			return fmt.Errorf("the target does not answer at %s: %w; does it listen on the port in PORT? it said:\n%s", url, err, w.process.Ending())
		}
	}
}
