package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/IBM/sarama"

	"github.com/aetherlink/aether/drill"
)

// Reasons to refuse. They are API: --allow takes them by name.
const (
	refuseTarget    = "target-missing"
	refuseDown      = "target-not-running"
	refuseOptIn     = "not-opted-in"
	refuseDenied    = "drill-denied"
	refuseManaged   = "target-managed"
	refuseGoes      = "target-auto-remove"
	refuseLocked    = "target-locked"
	refuseOther     = "not-the-bridge"
	refuseScrape    = "scrape-target-missing"
	refuseScrapes   = "scrape-target-ambiguous"
	refuseTopic     = "topic-missing"
	refuseCompacted = "topic-compacted"
	refuseReplicas  = "topic-under-replicated"
	refuseGroup     = "group-missing"
	refuseMembers   = "group-members"
	refuseOthers    = "other-groups"
	refuseRule      = "rule-missing"
	refuseUnhealthy = "rule-unhealthy"
	refuseActive    = "alert-active"
	refuseVanishes  = "expression-vanishes"
	refuseCounter   = "counter-missing"
	refuseShort     = "outage-too-short"
	refuseLong      = "outage-too-long"
	refusePaging    = "paging"
	refuseWorld     = "world-unreachable"
	refuseBaseline  = "baseline-not-reached"
)

// needed cannot be overridden: without it there is nothing to go on with, or
// somebody else would pay for it.
var needed = [...]string{refuseTarget, refuseDown, refuseDenied, refuseGoes, refuseLocked, refuseScrape, refuseScrapes, refuseTopic, refuseRule, refuseBaseline, refuseWorld}

func (r *run) refuse(id, reason string) {
	allowed := slices.Contains(r.Allow, id) && !slices.Contains(needed[:], id)
	_ = r.tape.Put(drill.Record{Refusal: &drill.Refusal{ID: id, Reason: reason, Allowed: allowed}})
}

func (r *run) refused() (err error) {
	r.tape.View(func(f *drill.Facts) {
		for _, x := range f.Refusals {
			if !x.V.Allowed {
				err = errRefused
			}
		}
	})
	return err
}

// refuseGroup: a group that is not the target's alone. The witness is on the
// stream by now, so that a service which consumes only for clients has joined.
func (r *run) refuseGroup(ctx context.Context) {
	admin, err := r.admin(ctx)
	if err != nil {
		r.refuse(refuseGroup, err.Error())
		return
	}
	defer admin.Close()
	group := r.Spec.Kafka.Group
	about, err := admin.DescribeConsumerGroups([]string{group})
	if err != nil || len(about) != 1 || !errors.Is(about[0].Err, sarama.ErrNoError) || len(about[0].Members) == 0 {
		r.refuse(refuseGroup, fmt.Sprintf("group %s has no member although a client is connected; is kafka.group the bridge's?", group))
		return
	}
	if n := len(about[0].Members); n > 1 {
		r.refuse(refuseMembers, fmt.Sprintf("group %s has %d members: stopping one target only rebalances; stop the others, or --allow %s", group, n, refuseMembers))
	}
	r.refuseOthers(admin)
}

// refuseOthers: groups that would get the drill's events too.
func (r *run) refuseOthers(admin sarama.ClusterAdmin) {
	groups, err := admin.ListConsumerGroups()
	if err != nil {
		r.refuse(refuseOthers, fmt.Sprintf("list consumer groups: %v", err))
		return
	}
	var others []string
	for _, g := range sortedNames(groups) {
		if g == r.Spec.Kafka.Group {
			continue
		}
		commits, err := admin.ListConsumerGroupOffsets(g, nil)
		if err == nil && len(commits.Blocks[r.Spec.Kafka.Topic]) > 0 {
			others = append(others, g)
		}
	}
	if len(others) > 0 {
		r.refuse(refuseOthers, fmt.Sprintf("%s also read %s and would get the drill's events; --allow %s if they may", strings.Join(others, ", "), r.Spec.Kafka.Topic, refuseOthers))
	}
}

// refuseOutage: too short for the alert to be sure to fire, or longer than allowed.
func (r *run) refuseOutage() {
	var rule *drill.At[drill.Rule]
	r.tape.View(func(f *drill.Facts) { rule = f.Rule() })
	if rule == nil {
		return
	}
	w := alertWindow(rule.V)
	o, sure := r.Spec.Outage, w.CertainOutage()
	switch {
	case o.Hold > 0 && o.Hold.D() < sure:
		r.refuse(refuseShort, fmt.Sprintf("outage.hold is %s; %s", o.Hold, w.Explain(o.Hold.D())))
	case o.Hold == 0 && o.Max.D() < sure:
		r.refuse(refuseLong, fmt.Sprintf("outage.max is %s; %s", o.Max, w.Explain(o.Max.D())))
	}
}

func (r *run) admin(ctx context.Context) (sarama.ClusterAdmin, error) {
	admin, err := sarama.NewClusterAdmin(r.World.Brokers, r.World.Sarama)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", r.World.explain(ctx, err))
	}
	return admin, nil
}
