package collector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/aetherlink/aether/lag"
)

// Snapshot is one look at a group on a topic, index = partition. Commits were
// read at Asked or after, ends at Answered or before, in this order.
type Snapshot struct {
	Asked, Answered       time.Time
	Start, End, Committed []int64 // Committed is lag.None where there is no commit
	Members               int
}

// Reader asks Kafka, over one connection that is made when first needed. Safe
// for concurrent use; reads follow one another.
type Reader struct {
	brokers []string
	config  *sarama.Config

	mu     sync.Mutex
	client sarama.Client
	admin  sarama.ClusterAdmin
}

// NewReader connects to nothing yet.
func NewReader(brokers []string, config *sarama.Config) (*Reader, error) {
	if len(brokers) == 0 {
		return nil, errors.New("read offsets: no broker is named")
	}
	return &Reader{brokers: brokers, config: config}, nil
}

// Read looks once. sarama takes no context: a call that hangs ends with the
// configuration's network timeouts, and ctx is looked at in between.
func (r *Reader) Read(ctx context.Context, group, topic string) (s Snapshot, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.connect(); err != nil {
		return Snapshot{}, fmt.Errorf("connect to Kafka at %s: %w", strings.Join(r.brokers, ", "), err)
	}
	s.Asked = time.Now().UTC()
	steps := []func(*Snapshot, string, string) error{r.commits, r.members, r.ends}
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return Snapshot{}, err
		}
		if err := step(&s, group, topic); err != nil {
			r.drop()
			return Snapshot{}, err
		}
	}
	s.Answered = time.Now().UTC()
	return s, nil
}

func (r *Reader) connect() error {
	if r.client != nil {
		return nil
	}
	client, err := sarama.NewClient(r.brokers, r.config)
	if err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return errors.Join(err, client.Close())
	}
	r.client, r.admin = client, admin
	return nil
}

// drop lets the next read begin with a new connection.
func (r *Reader) drop() {
	if r.admin != nil {
		_ = r.admin.Close() // closes the client too; there is nothing left to lose
	}
	r.client, r.admin = nil, nil
}

// Close ends the connection; a later Read makes a new one.
func (r *Reader) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
}

func (r *Reader) commits(s *Snapshot, group, topic string) error {
	if err := r.client.RefreshMetadata(topic); err != nil {
		return fmt.Errorf("read metadata of topic %s: %w", topic, err)
	}
	partitions, err := r.client.Partitions(topic)
	if err != nil {
		return fmt.Errorf("list partitions of %s: %w", topic, err)
	}
	s.Committed = make([]int64, len(partitions))
	answer, err := r.admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: partitions})
	if unknownGroup(err) {
		answer, err = nil, nil // nobody has committed yet
	}
	if err != nil {
		return fmt.Errorf("list offsets of group %s: %w", group, err)
	}
	if answer != nil && answer.Err != sarama.ErrNoError && !unknownGroup(answer.Err) {
		return fmt.Errorf("list offsets of group %s: %w", group, answer.Err)
	}
	for p := range s.Committed {
		s.Committed[p] = lag.None
		if answer == nil {
			continue
		}
		if b := answer.GetBlock(topic, int32(p)); b != nil && b.Err == sarama.ErrNoError {
			s.Committed[p] = b.Offset
		} else if b != nil && b.Err != sarama.ErrNoError {
			return fmt.Errorf("read commit of group %s on %s/%d: %w", group, topic, p, b.Err)
		}
	}
	return nil
}

// unknownGroup: Apache Kafka answers with no commit, others with this error.
func unknownGroup(err error) bool { return errors.Is(err, sarama.ErrGroupIDNotFound) }

func (r *Reader) members(s *Snapshot, group, _ string) error {
	about, err := r.admin.DescribeConsumerGroups([]string{group})
	if err != nil {
		return fmt.Errorf("describe group %s: %w", group, err)
	}
	for _, g := range about {
		if g.Err != sarama.ErrNoError && !unknownGroup(g.Err) {
			return fmt.Errorf("describe group %s: %w", group, g.Err)
		}
		s.Members += len(g.Members)
	}
	return nil
}

func (r *Reader) ends(s *Snapshot, _, topic string) (err error) {
	s.Start, s.End = make([]int64, len(s.Committed)), make([]int64, len(s.Committed))
	for p := range s.Committed {
		if s.Start[p], err = r.client.GetOffset(topic, int32(p), sarama.OffsetOldest); err != nil {
			return fmt.Errorf("read start offset of %s/%d: %w", topic, p, err)
		}
		if s.End[p], err = r.client.GetOffset(topic, int32(p), sarama.OffsetNewest); err != nil {
			return fmt.Errorf("read end offset of %s/%d: %w", topic, p, err)
		}
	}
	return nil
}
