//go:build integration && linux

package realworld

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"
)

// Container is what Engine.Run runs.
type Container struct {
	Name, Image string
	Labels      map[string]string
	Env         []string // NAME=value
	Args        []string // instead of the image's command
	HostNetwork bool
	// Ports publishes a port of the container on an address of this machine:
	// "9010" to "127.0.0.1:49010".
	Ports   map[string]string
	Restart container.RestartPolicyMode
}

// Run creates and starts a container and returns its id. It does not wait for
// the program in it.
func (e *Engine) Run(c Container) (id string) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), apiLimit)
	defer cancel()
	exposed, bound := nat.PortSet{}, nat.PortMap{}
	for inside, outside := range c.Ports {
		host, port, err := net.SplitHostPort(outside)
		if err != nil {
			e.t.Fatalf("publish port %s: %v", inside, err)
		}
		exposed[nat.Port(inside+"/tcp")] = struct{}{}
		bound[nat.Port(inside+"/tcp")] = []nat.PortBinding{{HostIP: host, HostPort: port}}
	}
	mode := container.NetworkMode(containerNetwork)
	if c.HostNetwork {
		mode = "host"
	}
	made, err := e.api.ContainerCreate(ctx,
		&container.Config{Image: c.Image, Labels: c.Labels, Env: c.Env, Cmd: c.Args, ExposedPorts: exposed},
		&container.HostConfig{NetworkMode: mode, PortBindings: bound, RestartPolicy: container.RestartPolicy{Name: c.Restart}},
		nil, nil, c.Name)
	if err != nil {
		e.t.Fatalf("create container %s: %v", c.Name, err)
	}
	if err := e.api.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		e.t.Fatalf("start container %s: %v", c.Name, err)
	}
	return made.ID
}

// Logs is what a container has written so far.
func (e *Engine) Logs(name string) string {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), apiLimit)
	defer cancel()
	out, err := e.api.ContainerLogs(ctx, name, container.LogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		e.t.Fatalf("read logs of %s: %v", name, err)
	}
	defer out.Close()
	text, err := io.ReadAll(out)
	if err != nil {
		e.t.Fatalf("read logs of %s: %v", name, err)
	}
	return string(text)
}

// Binary builds aether as its container image has it and returns its path.
func Binary(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "aether")
	run(t, repo(t), "env", "CGO_ENABLED=0", "go", "build", "-tags", "slim", "-o", path, "./cmd/aether")
	return path
}

// BuildImage builds the repository's Dockerfile around a binary; see Binary.
func (e *Engine) BuildImage(tag, binary string) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*apiLimit)
	defer cancel()
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	err := errors.Join(
		addFile(w, "Dockerfile", filepath.Join(repo(e.t), "Dockerfile"), 0o644), addFile(w, "aether", binary, 0o755), w.Close())
	if err != nil {
		e.t.Fatalf("pack build context: %v", err)
	}
	answer, err := e.api.ImageBuild(ctx, &files, build.ImageBuildOptions{
		Tags: []string{tag}, Remove: true, ForceRemove: true, Version: build.BuilderV1,
	})
	if err != nil {
		e.t.Fatalf("build image: %v", err)
	}
	defer answer.Body.Close()
	if err := buildError(answer.Body); err != nil {
		e.t.Fatalf("build image: %v", err)
	}
}

func addFile(w *tar.Writer, name, path string, mode int64) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// buildError reads the daemon's account of a build to its end.
func buildError(r io.Reader) error {
	said := ""
	for lines := json.NewDecoder(r); ; {
		var line struct{ Stream, Error string }
		switch err := lines.Decode(&line); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("read answer: %w", err)
		case line.Error != "":
			return fmt.Errorf("%s\n%s", line.Error, said)
		}
		said += line.Stream
	}
}
