package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// kafka is all that the bridge does with the broker: it finds the topic, reads
// every partition into the log, owns and commits its share, and reads history.
type kafka struct {
	cfg  Config
	log  *slog.Logger
	m    *metrics
	conf *sarama.Config

	client  atomic.Pointer[sarama.Client]
	opened  chan struct{} // closed when the log was opened
	suspect chan struct{} // a reader asks for a look at the topic
	state   kafkaState
}

// kafkaState is what health and metrics tell. Safe for concurrent use.
type kafkaState struct {
	mu      sync.Mutex
	topic   bool      // it was there at the last look
	reading bool      // every partition is being read
	current time.Time // when commits were last known to be where the log is
}

// topicEvery is how often the topic is looked at for a new identity and for
// partitions that were added.
const topicEvery = 2 * time.Second

func newKafka(cfg Config, log *slog.Logger) (*kafka, error) {
	conf, err := saramaConfig(cfg)
	if err != nil {
		return nil, err
	}
	return &kafka{cfg: cfg, log: log, conf: conf, opened: make(chan struct{}), suspect: make(chan struct{}, 1), state: kafkaState{current: time.Now()}}, nil
}

// saramaConfig is the one place where connections are set up.
func saramaConfig(cfg Config) (*sarama.Config, error) {
	c := sarama.NewConfig()
	c.ClientID = "aether-serve"
	c.Version = sarama.V3_9_0_0
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.RefreshFrequency = 10 * time.Second
	c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = 3, 250*time.Millisecond
	c.Net.DialTimeout, c.Net.ReadTimeout, c.Net.WriteTimeout = 5*time.Second, 10*time.Second, 10*time.Second
	c.Admin.Timeout = 5 * time.Second
	c.Consumer.Return.Errors = true
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Offsets.Initial = sarama.OffsetNewest // of claims that are paused at once
	c.Consumer.Group.InstanceId = cfg.InstanceID
	c.Consumer.Retry.Backoff = 250 * time.Millisecond
	if cfg.Connect == nil {
		return c, nil
	}
	if err := cfg.Connect(c); err != nil {
		return nil, fmt.Errorf("set up the connection to Kafka: %w", err)
	}
	return c, nil
}

var errTopic = errors.New("topic not there")

// run connects, and carries the topic until ctx ends. It returns an error only
// for what no retry can mend.
func (k *kafka) run(ctx context.Context, out *eventLog) error {
	client, err := k.connect(ctx)
	if err != nil {
		return nil // ctx has ended
	}
	k.client.Store(&client)
	for ctx.Err() == nil {
		begin, err := k.begin(ctx, client)
		if err == nil {
			return k.carry(ctx, client, begin, out)
		}
		k.failed(failTopic, "topic cannot be carried yet", k.explained(ctx, err))
		_ = pause(ctx, time.Second)
	}
	return nil
}

func (k *kafka) failed(op, what string, err error) {
	k.m.kafkaErrs.WithLabelValues(op).Inc()
	k.log.Warn(what, "err", err)
}

func (k *kafka) connect(ctx context.Context) (sarama.Client, error) {
	for {
		client, err := sarama.NewClient(k.cfg.Brokers, k.conf)
		if err == nil {
			return client, nil
		}
		k.failed(failTopic, "Kafka does not answer", fmt.Errorf("connect to %v: %w", k.cfg.Brokers, k.explained(ctx, err)))
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

// explained is err with what may be done about it, where that is known.
func (k *kafka) explained(ctx context.Context, err error) error {
	if k.cfg.Explain == nil {
		return err
	}
	return k.cfg.Explain(ctx, k.cfg.Brokers, k.conf, err)
}

// beginning is where the topic and the group stand.
type beginning struct {
	topic  Topic
	read   Vector // where reading begins
	commit Vector // where the group stands
}

// begin finds the topic and the group's commits. A partition without one is
// committed at once, so that what is produced from now on is never skipped.
func (k *kafka) begin(ctx context.Context, client sarama.Client) (b beginning, err error) {
	if b.topic, err = k.describe(client); err != nil {
		return b, err
	}
	if err := client.RefreshMetadata(k.cfg.Topic); err != nil {
		return b, fmt.Errorf("read metadata of %s: %w", k.cfg.Topic, err)
	}
	starts, err := k.Lookup(ctx, LookupPoint{Earliest: true})
	if err != nil {
		return b, err
	}
	b.commit, err = k.committed(client, b.topic.Partitions)
	if err != nil {
		return b, err
	}
	if slices.Contains(b.commit, -1) {
		if err := k.reset(ctx, client, b.commit, starts); err != nil {
			return b, err
		}
	}
	b.read = make(Vector, len(b.commit))
	for p, c := range b.commit {
		b.read[p] = max(min(c, max(c-k.cfg.Rewind, starts.at(p))), 0)
	}
	return b, nil
}

// reset decides where partitions without a commit begin, and commits it.
func (k *kafka) reset(ctx context.Context, client sarama.Client, commit, starts Vector) error {
	from := starts
	if k.cfg.OffsetReset == ResetLatest {
		var err error
		if from, err = k.Lookup(ctx, LookupPoint{End: true}); err != nil {
			return err
		}
	}
	fresh := map[int32]int64{}
	for p := range commit {
		if commit[p] < 0 {
			commit[p] = from.at(p)
			fresh[int32(p)] = commit[p]
		}
	}
	err := k.commit(client, member{generation: -1}, fresh)
	if errors.Is(err, sarama.ErrUnknownMemberId) || errors.Is(err, sarama.ErrIllegalGeneration) || errors.Is(err, sarama.ErrRebalanceInProgress) {
		k.log.Info("the group has members that will commit", "err", err)
		return nil
	}
	return err
}

// carry reads into the log and owns the group's share until ctx ends.
func (k *kafka) carry(ctx context.Context, client sarama.Client, b beginning, out *eventLog) error {
	out.Reset(b.topic, b.read)
	k.state.set(func(s *kafkaState) { s.topic, s.reading = true, true })
	close(k.opened)
	k.log.Info("reading", "topic", b.topic.Name, "partitions", b.topic.Partitions, "committed", b.commit)
	own := newOwner(k, client, out, b.commit)
	fatal := make(chan error, 1)
	var group sync.WaitGroup
	defer group.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group.Go(func() {
		if err := own.run(ctx); err != nil {
			fatal <- err
		}
	})
	group.Go(func() { k.follow(ctx, client, b, own, out) })
	select {
	case <-ctx.Done():
		return nil
	case err := <-fatal:
		return err
	}
}

// follow keeps a reader for every partition, and begins anew when the topic was.
func (k *kafka) follow(ctx context.Context, client sarama.Client, b beginning, own *owner, out *eventLog) {
	for ctx.Err() == nil {
		next := k.readAll(ctx, client, b, out)
		if ctx.Err() != nil {
			return
		}
		k.log.Warn("topic was made anew", "topic", next.topic.Name, "id", next.topic.ID)
		k.m.gaps.WithLabelValues(gapRecreated).Inc()
		out.Reset(next.topic, next.read)
		own.forget(next.commit)
		b = next
	}
}

// readAll reads every partition, those added meanwhile too, until ctx ends or
// the topic is another one, which it returns.
func (k *kafka) readAll(ctx context.Context, client sarama.Client, b beginning, out *eventLog) (next beginning) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	readers := 0
	start := func(upTo int) {
		for ; readers < upTo; readers++ {
			r := &reader{k: k, client: client, out: out, topic: b.topic.ID, partition: int32(readers), next: b.read.at(readers), backfill: b.commit.at(readers)}
			group.Go(func() { r.run(ctx) })
		}
	}
	start(b.topic.Partitions)
	tick := time.NewTicker(topicEvery)
	defer tick.Stop()
	for {
		truncated := false
		select {
		case <-ctx.Done():
			return beginning{}
		case <-k.suspect:
			truncated = true
		case <-tick.C:
		}
		now, err := k.describe(client)
		k.state.set(func(s *kafkaState) { s.topic = err == nil })
		switch {
		case err != nil:
			k.failed(failTopic, "topic not described", err)
		case truncated || now.ID != b.topic.ID || now.Partitions < readers:
			if next, err = k.anew(ctx, client, now); err == nil {
				return next
			}
			k.failed(failTopic, "new topic not read yet", err)
		case now.Partitions > readers:
			k.log.Info("partitions were added", "partitions", now.Partitions)
			_ = client.RefreshMetadata(k.cfg.Topic)
			out.Grow(now.Partitions)
			start(now.Partitions)
		}
	}
}

// anew is where a topic begins that took the place of another.
func (k *kafka) anew(ctx context.Context, client sarama.Client, t Topic) (beginning, error) {
	if err := client.RefreshMetadata(k.cfg.Topic); err != nil {
		return beginning{}, fmt.Errorf("read metadata of %s: %w", k.cfg.Topic, err)
	}
	starts, err := k.Lookup(ctx, LookupPoint{Earliest: true})
	return beginning{topic: t, read: starts, commit: starts.clone()}, err
}

// ask has the topic looked at soon.
func (k *kafka) ask() {
	select {
	case k.suspect <- struct{}{}:
	default: // asked already
	}
}

// describe is the topic as the broker has it now.
func (k *kafka) describe(client sarama.Client) (Topic, error) {
	broker := client.LeastLoadedBroker()
	if broker == nil {
		return Topic{}, fmt.Errorf("describe topic %s: no broker answers", k.cfg.Topic)
	}
	_ = broker.Open(client.Config()) // it may be open already, which is an error here
	resp, err := broker.GetMetadata(sarama.NewMetadataRequest(k.conf.Version, []string{k.cfg.Topic}))
	if err != nil {
		_ = broker.Close()
		return Topic{}, fmt.Errorf("describe topic %s: %w", k.cfg.Topic, err)
	}
	for _, t := range resp.Topics {
		if t.Name != k.cfg.Topic {
			continue
		}
		if !errors.Is(t.Err, sarama.ErrNoError) {
			return Topic{}, fmt.Errorf("%w: %s: %w", errTopic, t.Name, t.Err)
		}
		id := t.Uuid.String()
		if t.Uuid == (sarama.Uuid{}) {
			id = ""
		}
		return Topic{Name: t.Name, ID: id, Partitions: len(t.Partitions)}, nil
	}
	return Topic{}, fmt.Errorf("%w: %s", errTopic, k.cfg.Topic)
}

func (s *kafkaState) set(change func(*kafkaState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// unready is why clients would not be served well.
func (k *kafka) unready() (why []string) {
	k.state.set(func(s *kafkaState) {
		if !s.reading {
			why = append(why, "topic "+k.cfg.Topic+" is not being read yet")
		} else if !s.topic {
			why = append(why, "Kafka or topic "+k.cfg.Topic+" did not answer at the last look")
		}
	})
	return why
}

// commitAge is the seconds since all that was read was known to be committed.
func (k *kafka) commitAge() (age float64) {
	k.state.set(func(s *kafkaState) { age = time.Since(s.current).Seconds() })
	return age
}
