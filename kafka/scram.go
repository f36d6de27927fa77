package kafka

import (
	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// scramClient is one exchange; sarama makes one for every connection.
type scramClient struct {
	*scram.ClientConversation
	hash scram.HashGeneratorFcn
}

func scramFor(mechanism sarama.SASLMechanism) func() sarama.SCRAMClient {
	hash := scram.SHA256
	switch mechanism {
	case sarama.SASLTypeSCRAMSHA256:
	case sarama.SASLTypeSCRAMSHA512:
		hash = scram.SHA512
	default:
		return nil
	}
	return func() sarama.SCRAMClient { return &scramClient{hash: hash} }
}

// Begin starts the exchange.
func (c *scramClient) Begin(user, password, authzID string) error {
	client, err := c.hash.NewClient(user, password, authzID)
	if err != nil {
		return err
	}
	c.ClientConversation = client.NewConversation()
	return nil
}
