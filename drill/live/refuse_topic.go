package live

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
)

// refuseTopic: a topic that is not there, that forgets events by key, or that
// cannot take any with acks=all.
func (r *run) refuseTopic(ctx context.Context) {
	admin, err := r.admin(ctx)
	if err != nil {
		r.refuse(refuseTopic, err.Error())
		return
	}
	defer admin.Close()
	topic := r.Spec.Kafka.Topic
	metadata, err := admin.DescribeTopics([]string{topic})
	if err == nil && len(metadata) != 1 {
		err = fmt.Errorf("%d answers", len(metadata))
	}
	if err == nil && !errors.Is(metadata[0].Err, sarama.ErrNoError) {
		err = metadata[0].Err
	}
	if err != nil {
		r.refuse(refuseTopic, fmt.Sprintf("describe topic %s: %v", topic, r.World.explain(ctx, err)))
		return
	}
	config, err := topicConfig(admin, topic, "cleanup.policy", "min.insync.replicas")
	if err != nil {
		r.refuse(refuseCompacted, fmt.Sprintf("read the configuration of topic %s: %v", topic, err))
		return
	}
	if policy := config["cleanup.policy"]; strings.Contains(policy, "compact") {
		r.refuse(refuseCompacted, fmt.Sprintf("topic %s has cleanup.policy=%s: compaction removes events that are owed", topic, policy))
	}
	least, err := strconv.Atoi(config["min.insync.replicas"])
	if err != nil {
		least = 1 // a broker without that setting
	}
	if why := underReplicated(metadata[0], least); why != "" {
		r.refuse(refuseReplicas, why+": the backlog could not be produced with acks=all")
	}
}

func topicConfig(admin sarama.ClusterAdmin, topic string, names ...string) (map[string]string, error) {
	results, err := admin.DescribeConfigs([]*sarama.ConfigResource{{Type: sarama.TopicResource, Name: topic, ConfigNames: names}}, sarama.DescribeConfigsOptions{})
	if err == nil && len(results) != 1 {
		err = fmt.Errorf("%d answers", len(results))
	}
	if err == nil && results[0].ErrorCode != sarama.ErrNoError {
		err = results[0].ErrorCode
	}
	if err != nil {
		return nil, err
	}
	config := map[string]string{}
	for _, e := range results[0].Configs {
		config[e.Name] = e.Value
	}
	return config, nil
}

// underReplicated says which partition cannot take events, and why; "" for none.
func underReplicated(topic *sarama.TopicMetadata, least int) string {
	for _, p := range topic.Partitions {
		switch {
		case p.Leader < 0:
			return fmt.Sprintf("%s/%d has no leader", topic.Name, p.ID)
		case len(p.Isr) < least:
			return fmt.Sprintf("%s/%d has %d replicas in sync, and min.insync.replicas is %d", topic.Name, p.ID, len(p.Isr), least)
		}
	}
	return ""
}
