package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// owner is the group's side: a session whose claims are paused says which
// partitions this process commits, and the log's position is what it commits.
// It fetches nothing, and delivery does not wait for it.
type owner struct {
	k      *kafka
	client sarama.Client
	out    *eventLog

	mu    sync.Mutex
	epoch int             // counts topics
	floor Vector          // what the group has: never committed back
	done  map[int32]int64 // what this process committed
	group sync.WaitGroup  // of the session's commits
	join  sarama.ConsumerGroup
}

// member is who commits.
type member struct {
	id         string
	generation int32
}

const (
	commitEvery = 250 * time.Millisecond
	healEvery   = 10 * time.Second
)

func newOwner(k *kafka, client sarama.Client, out *eventLog, floor Vector) *owner {
	return &owner{k: k, client: client, out: out, floor: floor.clone(), done: map[int32]int64{}}
}

// forget drops what the group had of a topic that is no more.
func (o *owner) forget(floor Vector) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.epoch, o.floor, o.done = o.epoch+1, floor.clone(), map[int32]int64{}
}

// run keeps the membership until ctx ends. It returns an error only where
// another process has taken this one's place.
func (o *owner) run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := o.session(ctx)
		if errors.Is(err, sarama.ErrFencedInstancedId) {
			return fmt.Errorf("join group %s as %s: another process has taken this member's place; give every replica a name of its own with --instance-id: %w", o.k.cfg.Group, o.k.cfg.InstanceID, err)
		}
		if err != nil && ctx.Err() == nil {
			o.k.failed(failGroup, "group not joined; delivery goes on, commits wait", err)
			_ = pause(ctx, 500*time.Millisecond)
		}
	}
	return nil
}

// session is one life of the group's client, with its errors.
func (o *owner) session(ctx context.Context) error {
	g, err := sarama.NewConsumerGroup(o.k.cfg.Brokers, o.k.cfg.Group, o.k.conf)
	if err != nil {
		return err
	}
	o.join = g
	fenced := make(chan error, 1)
	var drain sync.WaitGroup
	drain.Go(func() {
		for err := range g.Errors() {
			if errors.Is(err, sarama.ErrFencedInstancedId) {
				select {
				case fenced <- err:
				default:
				}
			}
			o.k.log.Debug("group", "err", err)
		}
	})
	for err == nil && ctx.Err() == nil {
		err = g.Consume(ctx, []string{o.k.cfg.Topic}, (*claims)(o))
		select {
		case err = <-fenced:
		default:
		}
	}
	err = errors.Join(err, g.Close())
	drain.Wait()
	return err
}

// claims is the owner as sarama's handler.
type claims owner

// Setup begins to commit for the session.
func (c *claims) Setup(s sarama.ConsumerGroupSession) error {
	o := (*owner)(c)
	mine := s.Claims()[o.k.cfg.Topic]
	o.k.m.owned.Set(float64(len(mine)))
	o.k.log.Info("owning", "partitions", mine, "generation", s.GenerationID())
	o.group.Go(func() { o.commits(s, mine) })
	return nil
}

// Cleanup waits for the last commit of the session.
func (c *claims) Cleanup(sarama.ConsumerGroupSession) error {
	o := (*owner)(c)
	o.group.Wait()
	o.k.m.owned.Set(0)
	return nil
}

// ConsumeClaim takes nothing: the readers do.
func (c *claims) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	c.join.Pause(map[string][]int32{claim.Topic(): {claim.Partition()}})
	for {
		select {
		case <-s.Context().Done():
			return nil
		case _, ok := <-claim.Messages():
			if !ok {
				return nil
			}
		}
	}
}

// commits follows the log's position until the session ends, and once more then.
func (o *owner) commits(s sarama.ConsumerGroupSession, mine []int32) {
	m := member{id: s.MemberID(), generation: s.GenerationID()}
	o.learn(mine)
	tick, heal := time.NewTicker(commitEvery), time.NewTicker(healEvery)
	defer tick.Stop()
	defer heal.Stop()
	for {
		select {
		case <-s.Context().Done():
			o.commitOnce(m, mine)
			return
		case <-tick.C:
			o.commitOnce(m, mine)
		case <-heal.C:
			o.heal(mine)
		}
	}
}

// learn raises the floor to what another replica has committed meanwhile.
func (o *owner) learn(mine []int32) {
	now, err := o.k.committed(o.client, len(o.out.Position()))
	if err != nil {
		return // the floor of before holds
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range mine {
		o.floor = o.floor.grown(p)
		o.floor[p] = max(o.floor[p], now.at(int(p)))
		delete(o.done, p)
	}
}

func (o *owner) commitOnce(m member, mine []int32) {
	pos := o.out.Position()
	o.mu.Lock()
	epoch, due := o.epoch, map[int32]int64{}
	for _, p := range mine {
		to := max(pos.at(int(p)), o.floor.at(int(p)))
		if last, ok := o.done[p]; !ok || last < to {
			due[p] = to
		}
	}
	o.mu.Unlock()
	if len(due) > 0 {
		if err := o.k.commit(o.client, m, due); err != nil {
			o.k.failed(failCommit, "commit failed", err)
			return
		}
	}
	o.mu.Lock()
	if o.epoch == epoch { // else these were offsets of another topic
		maps.Copy(o.done, due)
	}
	o.mu.Unlock()
	for p, to := range due {
		o.k.m.committed.WithLabelValues(strconv.Itoa(int(p))).Set(float64(to))
	}
	o.k.state.set(func(s *kafkaState) { s.current = time.Now() })
}

// heal leaves the group where partitions are nobody's: a static member that
// comes back is given what it had, without those added meanwhile (KAFKA-13435).
func (o *owner) heal(mine []int32) {
	admin, err := sarama.NewClusterAdminFromClient(o.client)
	if err != nil {
		return
	}
	about, err := admin.DescribeConsumerGroups([]string{o.k.cfg.Group})
	if err != nil || len(about) != 1 || about[0].State != "Stable" {
		return
	}
	assigned := 0
	for _, m := range about[0].Members {
		a, err := m.GetMemberAssignment()
		if err != nil || a == nil {
			return
		}
		assigned += len(a.Topics[o.k.cfg.Topic])
	}
	partitions := len(o.out.Position())
	if assigned >= partitions {
		return
	}
	o.k.log.Warn("partitions without an owner; joining the group anew", "assigned", assigned, "partitions", partitions, "mine", mine)
	if _, err := admin.RemoveMemberFromConsumerGroup(o.k.cfg.Group, []string{o.k.cfg.InstanceID}); err != nil {
		o.k.failed(failGroup, "group not left", err)
	}
}

// committed is where the group stands, −1 where it has no commit.
func (k *kafka) committed(client sarama.Client, partitions int) (Vector, error) {
	v := make(Vector, partitions)
	list := make([]int32, partitions)
	for p := range v {
		v[p], list[p] = -1, int32(p)
	}
	coordinator, err := client.Coordinator(k.cfg.Group)
	if err != nil {
		return nil, fmt.Errorf("find coordinator of group %s: %w", k.cfg.Group, err)
	}
	resp, err := coordinator.FetchOffset(sarama.NewOffsetFetchRequest(k.conf.Version, k.cfg.Group, map[string][]int32{k.cfg.Topic: list}))
	if err == nil && !errors.Is(resp.Err, sarama.ErrNoError) {
		err = resp.Err
	}
	if errors.Is(err, sarama.ErrGroupIDNotFound) { // some brokers say so of a group without commits
		return v, nil
	}
	if err != nil {
		_ = client.RefreshCoordinator(k.cfg.Group)
		return nil, fmt.Errorf("list offsets of group %s: %w", k.cfg.Group, err)
	}
	for p := range v {
		if b := resp.GetBlock(k.cfg.Topic, int32(p)); b != nil && errors.Is(b.Err, sarama.ErrNoError) {
			v[p] = b.Offset
		}
	}
	return v, nil
}

// commit writes offsets, all or an error.
func (k *kafka) commit(client sarama.Client, m member, offsets map[int32]int64) error {
	if len(offsets) == 0 {
		return nil
	}
	req := &sarama.OffsetCommitRequest{Version: 7, ConsumerGroup: k.cfg.Group, ConsumerID: m.id, ConsumerGroupGeneration: m.generation}
	if m.id != "" {
		req.GroupInstanceId = &k.cfg.InstanceID
	}
	for _, p := range slices.Sorted(maps.Keys(offsets)) {
		req.AddBlockWithLeaderEpoch(k.cfg.Topic, p, offsets[p], -1, 0, "")
	}
	coordinator, err := client.Coordinator(k.cfg.Group)
	if err != nil {
		return fmt.Errorf("find coordinator of group %s: %w", k.cfg.Group, err)
	}
	resp, err := coordinator.CommitOffset(req)
	if err != nil {
		_ = client.RefreshCoordinator(k.cfg.Group)
		return fmt.Errorf("commit to group %s: %w", k.cfg.Group, err)
	}
	for p, e := range resp.Errors[k.cfg.Topic] {
		if !errors.Is(e, sarama.ErrNoError) {
			if errors.Is(e, sarama.ErrNotCoordinatorForConsumer) || errors.Is(e, sarama.ErrConsumerCoordinatorNotAvailable) {
				_ = client.RefreshCoordinator(k.cfg.Group)
			}
			return fmt.Errorf("commit partition %d to group %s: %w", p, k.cfg.Group, e)
		}
	}
	return nil
}
