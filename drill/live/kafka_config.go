package live

import (
	"net/http"
	"time"

	"github.com/IBM/sarama"

	"github.com/aetherlink/aether/drill"
)

// KafkaConfig is shared by everything of a drill that talks to Kafka.
func KafkaConfig(drill.KafkaSpec) (*sarama.Config, error) {
	c := sarama.NewConfig()
	c.ClientID = "aether-drill"
	c.Version = sarama.V3_9_0_0
	c.Metadata.AllowAutoTopicCreation = false
	c.Net.DialTimeout, c.Net.ReadTimeout, c.Net.WriteTimeout = 5*time.Second, 10*time.Second, 10*time.Second
	c.Admin.Timeout = 5 * time.Second
	return c, nil
}

// PrometheusTransport is how Prometheus is asked.
func PrometheusTransport(*drill.HTTPSpec) (http.RoundTripper, error) { return nil, nil }
