//go:build integration && linux

package realworld

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
)

// Engine is a Docker daemon of the test's own: it knows nothing of another
// one's containers and images. Its containers are in a network of their own, or
// in the host's.
type Engine struct {
	// Host is its address, as DOCKER_HOST has it.
	Host string
	// Gateway is this machine's address in the containers' network.
	Gateway string

	t   testing.TB
	api *client.Client
	srv *server
}

const (
	containerNetwork = "aether-test"
	apiLimit         = 60 * time.Second
)

// Docker starts a daemon that ends with the test, and its containers with it.
// It needs root. Several can run at once.
func Docker(t testing.TB) *Engine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("start dockerd: it needs root")
	}
	dir := shortDir(t) // the path of a socket has 107 bytes at most
	e := &Engine{Host: "unix://" + filepath.Join(dir, "sock"), t: t}
	e.srv = &server{
		t: t, name: "dockerd", logFile: filepath.Join(dir, "dockerd.log"), grace: time.Minute,
		argv: []string{
			"dockerd", "--host", e.Host, "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "run"),
			"--pidfile", filepath.Join(dir, "pid"), "--bridge", "none", // docker0 would be shared with other daemons,
			"--iptables=false", // and so would its rules; published ports go through a proxy
			"--default-address-pool", fmt.Sprintf("base=10.%d.0.0/16,size=24", 128+rand.N(100)),
		},
		ready: func(ctx context.Context) error { _, err := e.api.Ping(ctx); return err },
		// What it mounts is in a namespace that ends with its last process, so
		// nothing needs to be unmounted. A killed test lets it end in order.
		attr: syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM},
	}
	var err error
	if e.api, err = client.NewClientWithOpts(client.WithHost(e.Host), client.WithAPIVersionNegotiation()); err != nil {
		t.Fatalf("make Docker client: %v", err)
	}
	t.Cleanup(e.cleanup)
	e.srv.start()
	e.createNetwork()
	return e
}

func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := poll(10*time.Second, func(context.Context) error { return os.RemoveAll(dir) }); err != nil {
			t.Errorf("remove the daemon's folder: %v", err)
		}
	})
	return dir
}

func (e *Engine) createNetwork() {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), apiLimit)
	defer cancel()
	if _, err := e.api.NetworkCreate(ctx, containerNetwork, network.CreateOptions{Driver: "bridge"}); err != nil {
		e.t.Fatalf("create network: %v", err)
	}
	n, err := e.api.NetworkInspect(ctx, containerNetwork, network.InspectOptions{})
	if err != nil {
		e.t.Fatalf("inspect network: %v", err)
	}
	if len(n.IPAM.Config) != 1 {
		e.t.Fatalf("inspect network: %d address ranges", len(n.IPAM.Config))
	}
	e.Gateway = n.IPAM.Config[0].Gateway
}

// Client talks to the daemon. It is closed with the test.
func (e *Engine) Client() *client.Client { return e.api }

// Stop ends the daemon and its containers in order; its socket refuses until Start.
func (e *Engine) Stop() { e.t.Helper(); e.srv.stop(syscall.SIGTERM) }

// Start starts a stopped daemon again, with its images and containers.
func (e *Engine) Start() { e.t.Helper(); e.srv.start() }

// Pause freezes the daemon, not its containers: requests to it hang.
func (e *Engine) Pause() { e.t.Helper(); e.srv.signal(syscall.SIGSTOP) }

// Resume lets a frozen daemon go on.
func (e *Engine) Resume() { e.t.Helper(); e.srv.signal(syscall.SIGCONT) }

// cleanup removes what outlives a daemon: containers' processes and the
// bridges of its networks.
func (e *Engine) cleanup() {
	defer e.api.Close()
	defer e.srv.cleanup()
	if e.Gateway == "" {
		return // it never came up
	}
	if e.srv.cmd == nil {
		e.srv.start()
	}
	e.srv.signal(syscall.SIGCONT)
	ctx, cancel := context.WithTimeout(context.Background(), apiLimit)
	defer cancel()
	containers, err := e.api.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		e.t.Errorf("list containers: %v", err)
	}
	for _, c := range containers {
		if err := e.api.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			e.t.Errorf("remove container: %v", err)
		}
	}
	if _, err := e.api.NetworksPrune(ctx, filters.Args{}); err != nil {
		e.t.Errorf("remove networks: %v", err)
	}
}
