package live

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/tlsconfig"

	"github.com/aetherlink/aether/drill"
)

// Docker is a container as a Target. It is the only place that knows the
// engine's client library. Safe for concurrent use.
type Docker struct {
	host  DockerHost
	api   *client.Client
	name  string // as the spec has it: a name or an id
	kill  bool
	limit time.Duration // of a graceful stop
}

// dockerIntent is what is needed to undo a stop, by whomever.
type dockerIntent struct {
	Host    DockerHost     `json:"host"`
	Started time.Time      `json:"started"` // of the process that is stopped, on the engine's clock
	Limit   drill.Duration `json:"limit"`   // that the stop may take
	Planned time.Time      `json:"planned"` // on the runner's clock
	Runner  runner         `json:"runner"`
}

const kindDocker = "docker"

// NewDocker reaches for nothing yet. The host was resolved before.
func NewDocker(host DockerHost, spec drill.DockerSpec) (*Docker, error) {
	opts := []client.Opt{client.WithAPIVersionNegotiation()}
	if host.Certs != "" {
		config, err := tlsconfig.Client(tlsconfig.Options{
			CAFile: filepath.Join(host.Certs, "ca.pem"), CertFile: filepath.Join(host.Certs, "cert.pem"), KeyFile: filepath.Join(host.Certs, "key.pem"),
			InsecureSkipVerify: host.SkipVerify, MinVersion: tls.VersionTLS12,
		})
		if err != nil {
			return nil, fmt.Errorf("docker certificates in %s: %w", host.Certs, err)
		}
		opts = append(opts, client.WithHTTPClient(&http.Client{Transport: &http.Transport{TLSClientConfig: config}, CheckRedirect: client.CheckRedirect}))
	}
	if host.Address != "" {
		opts = append(opts, client.WithHost(host.Address))
	}
	api, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, fmt.Errorf("docker host %s: %w", host.Address, err)
	}
	return &Docker{host: host, api: api, name: spec.Container, kill: spec.Stop == drill.StopKill, limit: spec.StopTimeout.D()}, nil
}

// Close ends the connection to the engine.
func (d *Docker) Close() error { return d.api.Close() }

// reachable says what stands in the way of talking to the engine.
func (d *Docker) reachable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := d.api.Ping(ctx)
	return d.explain("ask the Docker engine", err)
}

// explain makes an error of the engine one that can be acted on.
func (d *Docker) explain(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errdefs.IsNotFound(err):
		return fmt.Errorf("%s: %w: there is no such container on %s; `docker -H %s ps -a` lists them", what, ErrGone, d.api.DaemonHost(), d.api.DaemonHost())
	case strings.Contains(err.Error(), "permission denied"):
		return fmt.Errorf("%s: %w; the engine's socket may be used by root and its group: run as a member of the group docker", what, err)
	case client.IsErrConnectionFailed(err):
		return fmt.Errorf("%s: %w (host from %s)", what, err, d.host.From)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (d *Docker) inspect(ctx context.Context, ref string) (container.InspectResponse, error) {
	c, err := d.api.ContainerInspect(ctx, ref)
	if err == nil && (c.ContainerJSONBase == nil || c.State == nil || c.Config == nil || c.HostConfig == nil || c.NetworkSettings == nil) {
		err = errors.New("the engine's answer lacks parts")
	}
	return c, d.explain("inspect container "+ref, err)
}

// Plan implements Target.
func (d *Docker) Plan(ctx context.Context) (drill.Intent, error) {
	c, err := d.inspect(ctx, d.name)
	if err != nil {
		return drill.Intent{}, err
	}
	state := stateOf(c)
	if !state.Running {
		return drill.Intent{}, fmt.Errorf("container %s does not run: it is %s", d.name, c.State.Status)
	}
	data, err := json.Marshal(dockerIntent{Host: d.host, Started: state.Started, Limit: drill.Duration(d.limit), Planned: time.Now().UTC(), Runner: thisRunner()})
	if err != nil {
		return drill.Intent{}, fmt.Errorf("encode intent: %w", err)
	}
	name := strings.TrimPrefix(c.Name, "/")
	return drill.Intent{
		Kind: kindDocker, Target: name, ID: c.ID, Undo: fmt.Sprintf("docker -H %s start %s", d.api.DaemonHost(), name), Data: data,
	}, nil
}

// Stop implements Target. It is by id: a container that took over the name
// since is not touched.
func (d *Docker) Stop(ctx context.Context, i drill.Intent) error {
	if d.kill {
		wait, failed := d.api.ContainerWait(ctx, i.ID, container.WaitConditionNotRunning)
		if err := d.api.ContainerKill(ctx, i.ID, "KILL"); err != nil {
			return d.explain("kill container "+i.Target, err)
		}
		select {
		case <-wait:
			return nil
		case err := <-failed:
			return d.explain("wait for the end of container "+i.Target, err)
		}
	}
	seconds := max(int(d.limit.Round(time.Second).Seconds()), 1)
	return d.explain("stop container "+i.Target, d.api.ContainerStop(ctx, i.ID, container.StopOptions{Timeout: &seconds}))
}

// State implements Target.
func (d *Docker) State(ctx context.Context) (drill.TargetState, error) {
	c, err := d.inspect(ctx, d.name)
	if err != nil {
		return drill.TargetState{}, err
	}
	return stateOf(c), nil
}

func stateOf(c container.InspectResponse) drill.TargetState {
	s := drill.TargetState{ID: c.ID, Image: c.Image, Running: c.State.Running, Restarts: c.RestartCount, Started: engineTime(c.State.StartedAt)}
	if !s.Running {
		s.Finished = engineTime(c.State.FinishedAt)
		s.Exit = &c.State.ExitCode
	}
	return s
}

// engineTime is zero for what never was.
func engineTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1970 {
		return time.Time{}
	}
	return t.UTC()
}

// Restore implements Target. A stop that was asked for may still be under way
// in the engine, whatever became of who asked: then its end is waited for.
func (d *Docker) Restore(ctx context.Context, i drill.Intent) error {
	var was dockerIntent
	if err := json.Unmarshal(i.Data, &was); err != nil {
		return fmt.Errorf("read intent: %w", err)
	}
	c, err := d.settled(ctx, i, was)
	if errors.Is(err, ErrGone) {
		return d.recreated(ctx, i, err)
	}
	if err != nil || c.State.Running {
		return err
	}
	if err := d.api.ContainerStart(ctx, i.ID, container.StartOptions{}); err != nil {
		return d.explain("start container "+i.Target, err)
	}
	c, err = d.inspect(ctx, i.ID)
	if err == nil && !c.State.Running {
		err = fmt.Errorf("start container %s: it ended at once with exit code %d: %s", i.Target, c.State.ExitCode, c.State.Error)
	}
	return err
}

// settled is the container once no stop is under way any more.
func (d *Docker) settled(ctx context.Context, i drill.Intent, was dockerIntent) (c container.InspectResponse, err error) {
	for {
		c, err = d.inspect(ctx, i.ID)
		if err != nil || !c.State.Running || !engineTime(c.State.StartedAt).Equal(was.Started) {
			return c, err
		}
		// a graceful stop ends with SIGKILL after its limit
		if time.Since(was.Planned) > was.Limit.D()+stopSlack {
			return c, nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return c, err
		}
	}
}

// stopSlack is what an engine may take beyond the limit of a stop.
const stopSlack = 5 * time.Second

// recreated: somebody removed the container. One that runs under its name is
// their doing and left alone.
func (d *Docker) recreated(ctx context.Context, i drill.Intent, gone error) error {
	c, err := d.inspect(ctx, i.Target)
	switch {
	case err == nil && c.State.Running:
		return nil
	case err == nil:
		return fmt.Errorf("container %s was removed by somebody and made again, and does not run: %w; start it by hand: %s", i.Target, ErrGone, i.Undo)
	}
	return fmt.Errorf("%w; it was removed by somebody: make it again as it was", gone)
}

// About implements Shared.
func (d *Docker) About(ctx context.Context) (Container, error) {
	c, err := d.inspect(ctx, d.name)
	if err != nil {
		return Container{}, err
	}
	about := Container{
		Name: strings.TrimPrefix(c.Name, "/"), ID: c.ID, Image: c.Config.Image, Host: d.api.DaemonHost(), Labels: c.Config.Labels,
		State: stateOf(c), HostNetwork: c.HostConfig.NetworkMode.IsHost(), Policy: string(c.HostConfig.RestartPolicy.Name), AutoRemove: c.HostConfig.AutoRemove,
	}
	for _, bindings := range c.NetworkSettings.Ports {
		for _, b := range bindings {
			if !slices.Contains(about.Ports, b.HostPort) {
				about.Ports = append(about.Ports, b.HostPort)
			}
		}
	}
	for _, n := range c.NetworkSettings.Networks {
		if n != nil && n.IPAddress != "" {
			about.Addresses = append(about.Addresses, n.IPAddress)
		}
	}
	return about, nil
}

// Clock implements Shared.
func (d *Docker) Clock(ctx context.Context) (drill.Clock, error) {
	best := drill.Clock{Of: kindDocker}
	for range clockReadings {
		sent := time.Now()
		info, err := d.api.Info(ctx)
		took := time.Since(sent)
		if err != nil {
			return best, d.explain("read the clock of the engine", err)
		}
		at := engineTime(info.SystemTime)
		if at.IsZero() {
			return best, fmt.Errorf("read the clock of the engine: it says %q", info.SystemTime)
		}
		if half := drill.Duration(took / 2); best.Error == 0 || half < best.Error {
			best.Offset, best.Error = drill.Duration(at.Sub(sent.Add(took/2))), half
		}
	}
	return best, nil
}

// Labels of the container that keeps an intent. They are API: recover finds
// them on any host.
const (
	labelIntent = "aether.drill.intent" // the intent as JSON; its presence makes a keeper
	labelDrill  = "aether.drill.id"
	keeperName  = "aether-drill." // and the name of the target
)

// Keep implements Shared: a container that is never started, for only one can
// have its name. The engine is the one place that every runner sees.
func (d *Docker) Keep(ctx context.Context, i drill.Intent) error {
	text, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("encode intent: %w", err)
	}
	c, err := d.inspect(ctx, i.ID)
	if err != nil {
		return err
	}
	_, err = d.api.ContainerCreate(ctx, &container.Config{
		Image: c.Image, Cmd: []string{"never-started"}, Labels: map[string]string{labelIntent: string(text), labelDrill: i.Drill},
	}, &container.HostConfig{NetworkMode: "none"}, nil, nil, keeperName+i.Target)
	if errdefs.IsConflict(err) {
		return ErrLocked
	}
	return d.explain("keep the intent on the engine", err)
}

// Release implements Shared.
func (d *Docker) Release(ctx context.Context, i drill.Intent) error {
	c, err := d.inspect(ctx, keeperName+i.Target)
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err == nil && c.Config.Labels[labelDrill] == i.Drill {
		err = d.explain("remove the intent from the engine", d.api.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true}))
	}
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

// Kept is every intent that is kept on the engine.
func (d *Docker) Kept(ctx context.Context) (kept []drill.Intent, err error) {
	list, err := d.api.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", labelIntent))})
	if err != nil {
		return nil, d.explain("list the intents on the engine", err)
	}
	for _, c := range list {
		var i drill.Intent
		if err := json.Unmarshal([]byte(c.Labels[labelIntent]), &i); err != nil {
			return nil, fmt.Errorf("read the intent of container %s: %w", strings.Join(c.Names, " "), err)
		}
		kept = append(kept, i)
	}
	return kept, nil
}
