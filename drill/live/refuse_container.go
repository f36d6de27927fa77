package live

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/aetherlink/aether/drill"
)

// The label by which the owner of a container says whether it may be drilled.
const (
	labelOptIn = "aether.drill"
	optIn      = "allow"
	optOut     = "deny"
)

// vetTarget refuses a container that must not or need not be stopped. It comes
// before everything else: a wrong target is nothing to look at any longer.
func (r *run) vetTarget(ctx context.Context) error {
	shared, ok := r.World.Target.(Shared)
	if !ok {
		return nil
	}
	c, err := shared.About(ctx)
	if errors.Is(err, ErrGone) {
		r.refuse(refuseTarget, err.Error())
		return errRefused
	}
	if err != nil {
		return err
	}
	if back, err := r.recoverFirst(ctx, shared, c.Name); err != nil {
		return err
	} else if back {
		if c, err = shared.About(ctx); err != nil {
			return err
		}
	}
	r.found = c
	clock, err := shared.Clock(ctx)
	if err != nil {
		return err
	}
	if err := r.tape.Put(drill.Record{Clock: &clock}); err != nil {
		return err
	}
	for _, x := range vetContainer(c, r.Confirm) {
		r.refuse(x.ID, x.Reason)
	}
	return nil
}

// OptedIn says whether a container may be drilled without a word of the operator.
func (c Container) OptedIn() bool { return c.Labels[labelOptIn] == optIn }

// vetContainer gives the reasons against stopping a container.
func vetContainer(c Container, confirmed string) (against []drill.Refusal) {
	no := func(id, format string, args ...any) {
		against = append(against, drill.Refusal{ID: id, Reason: fmt.Sprintf(format, args...)})
	}
	switch {
	case c.Labels[labelOptIn] == optOut:
		no(refuseDenied, "container %s carries the label %s=%s: its owner does not want it drilled", c.Name, labelOptIn, optOut)
	case !c.OptedIn() && confirmed != c.Name:
		no(refuseOptIn, "container %s on %s does not carry the label %s=%s; add it, or say --confirm %s", c.Name, c.Host, labelOptIn, optIn, c.Name)
	}
	if !c.State.Running {
		no(refuseDown, "container %s does not run: there is nothing to stop", c.Name)
	}
	if c.AutoRemove {
		no(refuseGoes, "container %s was started with --rm: it is gone for good when it stops", c.Name)
	}
	for label, who := range map[string]string{"com.docker.swarm.service.id": "Swarm", "io.kubernetes.pod.name": "Kubernetes"} {
		if c.Labels[label] != "" {
			no(refuseManaged, "container %s is managed by %s, which would replace it; drill it with target.exec", c.Name, who)
		}
	}
	return against
}

// How far a process may seem to have started from its container: the kernel
// counts from a boot time in whole seconds, a busy engine writes its time down
// late, and an entry point may take a while before it becomes the service.
const (
	startsBefore = 5 * time.Second
	startsAfter  = 10 * time.Second
)

// vetIdentity refuses a container that is not the bridge that is looked at: its
// process has to be the one that Prometheus scrapes, and it has to be reached
// where the spec says that the bridge is. Where neither can be told it is refused.
func (r *run) vetIdentity() {
	c := r.found
	if c.ID == "" {
		return
	}
	var point drill.Point
	var scraped bool
	r.tape.View(func(f *drill.Facts) { point, _, scraped = f.Series(seriesStarted).Last() })
	if scraped { // both times are of the engine's kernel
		began := time.UnixMilli(int64(point.Value * 1000))
		if late := began.Sub(c.State.Started); late < -startsBefore || late > startsAfter {
			r.refuse(refuseOther, fmt.Sprintf("container %s started at %s, and the process that Prometheus scrapes at %s: they are not the same; --allow %s if you know better",
				c.Name, c.State.Started.Format(time.RFC3339), began.UTC().Format(time.RFC3339), refuseOther))
		}
	}
	reached, why := reaches(c, r.World.Bridge)
	switch {
	case why != "":
		r.refuse(refuseOther, fmt.Sprintf("%s; --allow %s if a proxy stands between", why, refuseOther))
	case !scraped && !reached:
		r.refuse(refuseOther, fmt.Sprintf("nothing tells whether container %s is the bridge: it has no ports of its own, and Prometheus no %s of it; --allow %s if you know better", c.Name, seriesStarted, refuseOther))
	}
}

// reaches says whether an address leads to the container; why says that it does not.
func reaches(c Container, address string) (yes bool, why string) {
	u, err := url.Parse(address)
	if err != nil {
		return false, err.Error()
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	switch {
	case c.HostNetwork:
		return false, ""
	case slices.Contains(c.Addresses, u.Hostname()), slices.Contains(c.Ports, port):
		return true, ""
	}
	return false, fmt.Sprintf("bridge.url is %s, and container %s publishes %v", address, c.Name, c.Ports)
}

// lock plans the stop and keeps the intent where other runners find it.
func (r *run) lock(ctx context.Context) error {
	shared, ok := r.World.Target.(Shared)
	if !ok {
		return nil
	}
	intent, err := r.plan(ctx)
	if err != nil {
		return err
	}
	if r.Watchdog != nil {
		if err := r.Watchdog.Keep(intent); err != nil {
			return err
		}
	}
	err = shared.Keep(ctx, intent)
	if errors.Is(err, ErrLocked) {
		holder, err := r.holder(ctx, shared, intent.Target)
		r.refuse(refuseLocked, fmt.Sprintf("drill %s holds %s, run by process %d on %s, until %s at most; wait, or `aether drill recover --host` if that run is dead: %v",
			holder.Drill, intent.Target, runnerOf(holder).PID, runnerOf(holder).Host, holder.Deadline.Format(time.RFC3339), err))
		return errRefused
	}
	if err == nil {
		r.kept = &intent
	}
	return err
}

// holder is the intent that is kept for a target; its zero value where there is none.
func (r *run) holder(ctx context.Context, shared Shared, target string) (drill.Intent, error) {
	kept, err := shared.Kept(ctx)
	for _, i := range kept {
		if i.Target == target {
			return i, nil
		}
	}
	return drill.Intent{}, err
}

// recoverFirst puts back what a drill left behind that is dead or over its
// deadline. One that goes on is left alone.
func (r *run) recoverFirst(ctx context.Context, shared Shared, target string) (back bool, err error) {
	i, err := r.holder(ctx, shared, target)
	if err != nil || i.Kind == "" || !runnerOf(i).dead() && time.Now().Before(i.Deadline) {
		return false, err
	}
	r.Log.Warn("a dead drill left its target behind; putting it back first", "drill", i.Drill, "target", i.Target)
	return true, PutBackOn(ctx, shared, i, func(c drill.Call) {
		if c.Error != "" {
			r.Log.Error("target not restored yet", "target", i.Target, "err", c.Error, "by_hand", i.Undo)
		}
	})
}

// release takes back what lock kept, unless the target is not back.
func (r *run) release(ctx context.Context) {
	shared, ok := r.World.Target.(Shared)
	if !ok || r.kept == nil || r.putErr != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := shared.Release(ctx, *r.kept); err != nil {
		r.Log.Error("the intent stays on the engine; `aether drill recover --host` removes it", "err", err)
	}
}
