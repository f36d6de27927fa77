package live

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/common/config"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/kafka"
)

// KafkaConfig is how a drill talks to the broker of a spec. It reads the files
// that the spec names; the error says which of them is wrong.
func KafkaConfig(spec drill.KafkaSpec) (*sarama.Config, error) {
	var login kafka.Login
	if t := spec.TLS; t != nil {
		login.TLS = &kafka.TLS{CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile}
	}
	if s := spec.SASL; s != nil {
		login.SASL = &kafka.SASL{Mechanism: s.Mechanism, Username: s.Username, Password: s.Password.Reveal()}
	}
	c := sarama.NewConfig()
	c.ClientID = "aether-drill"
	c.Version = sarama.V3_9_0_0
	c.Metadata.AllowAutoTopicCreation = false
	c.Net.DialTimeout, c.Net.ReadTimeout, c.Net.WriteTimeout = 5*time.Second, 10*time.Second, 10*time.Second
	c.Admin.Timeout = 5 * time.Second
	if err := login.Apply(c); err != nil {
		return nil, fmt.Errorf("set up the connection to Kafka: %w", err)
	}
	return c, nil
}

// PrometheusTransport is how a drill logs in to the Prometheus of a spec; nil
// for a spec without a login. It reads the files that the spec names.
func PrometheusTransport(spec *drill.HTTPSpec) (http.RoundTripper, error) {
	if spec == nil {
		return nil, nil
	}
	c := config.HTTPClientConfig{FollowRedirects: true, EnableHTTP2: true}
	if spec.Username != "" {
		c.BasicAuth = &config.BasicAuth{Username: spec.Username, Password: config.Secret(spec.Password.Reveal())}
	}
	if spec.Bearer != "" {
		c.Authorization = &config.Authorization{Type: "Bearer", Credentials: config.Secret(spec.Bearer.Reveal())}
	}
	if t := spec.TLS; t != nil {
		c.TLSConfig = config.TLSConfig{CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile}
	}
	transport, err := config.NewRoundTripperFromConfig(c, "prometheus")
	if err != nil {
		return nil, fmt.Errorf("set up prometheus.http: %w", err)
	}
	return transport, nil
}

// explain puts a failure to reach Kafka into words.
func (w *World) explain(ctx context.Context, err error) error {
	return kafka.Explain(ctx, w.Brokers, w.Sarama, err)
}
