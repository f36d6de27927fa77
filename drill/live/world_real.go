package live

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aetherlink/aether/drill"
)

// OpenReal is a world that somebody else runs. It connects to the target's
// engine alone; broker and Prometheus are for preflight to find out about.
// Close it with World.Close.
func OpenReal(ctx context.Context, spec drill.Spec, env func(string) (string, bool), log *slog.Logger) (*World, error) {
	kafka, err := KafkaConfig(spec.Kafka)
	if err != nil {
		return nil, err
	}
	transport, err := PrometheusTransport(spec.Prometheus.HTTP)
	if err != nil {
		return nil, err
	}
	w := &World{
		Kind: "real", Brokers: spec.Kafka.Brokers, Sarama: kafka, Prometheus: spec.Prometheus.URL, PrometheusHTTP: transport,
		Bridge: spec.Bridge.URL, Log: log, Target: nil,
	}
	if spec.Target.Exec != nil {
		w.Target = NewExec(*spec.Target.Exec)
		return w, nil
	}
	host, err := ResolveDockerHost(spec.Target.Docker.Host, env)
	if err != nil {
		return nil, err
	}
	docker, err := NewDocker(host, *spec.Target.Docker)
	if err != nil {
		return nil, err
	}
	w.Target = docker
	if err := docker.reachable(ctx); err != nil {
		return nil, err
	}
	w.Notes = []string{fmt.Sprintf("the target is container %s on %s", spec.Target.Docker.Container, docker.api.DaemonHost())}
	return w, nil
}
