package live

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"

	"github.com/aetherlink/aether/drill"
)

func TestVetContainer(t *testing.T) {
	good := func() Container {
		return Container{Name: "bridge", Labels: map[string]string{"aether.drill": "allow"}, State: drill.TargetState{Running: true}}
	}
	for _, row := range []struct {
		name    string
		change  func(*Container)
		confirm string
		want    []string
	}{
		{"opted in", func(*Container) {}, "", nil},
		{"no label", func(c *Container) { c.Labels = nil }, "", []string{"not-opted-in"}},
		{"no label, confirmed", func(c *Container) { c.Labels = nil }, "bridge", nil},
		{"no label, another one confirmed", func(c *Container) { c.Labels = nil }, "bridge2", []string{"not-opted-in"}},
		{"another value of the label", func(c *Container) { c.Labels["aether.drill"] = "yes" }, "", []string{"not-opted-in"}},
		{"denied", func(c *Container) { c.Labels["aether.drill"] = "deny" }, "", []string{"drill-denied"}},
		{"denied, confirmed all the same", func(c *Container) { c.Labels["aether.drill"] = "deny" }, "bridge", []string{"drill-denied"}},
		{"down", func(c *Container) { c.State.Running = false }, "", []string{"target-not-running"}},
		{"goes when it stops", func(c *Container) { c.AutoRemove = true }, "", []string{"target-auto-remove"}},
		{"Swarm", func(c *Container) { c.Labels["com.docker.swarm.service.id"] = "x" }, "", []string{"target-managed"}},
		{"Kubernetes", func(c *Container) { c.Labels["io.kubernetes.pod.name"] = "x" }, "", []string{"target-managed"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := good()
			row.change(&c)
			var got []string
			for _, x := range vetContainer(c, row.confirm) {
				got = append(got, x.ID)
				if !KnownRefusal(x.ID) {
					t.Errorf("%s is not in the list of refusals", x.ID)
				}
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("refusals (-want +got):\n%s", diff)
			}
		})
	}
}

// What could hurt somebody or prove nothing is not to be allowed by name.
func TestSomeRefusalsStand(t *testing.T) {
	for _, id := range []string{refuseDenied, refuseGoes, refuseLocked, refuseDown, refuseTarget} {
		if !slices.Contains(needed[:], id) {
			t.Errorf("%s can be overridden", id)
		}
	}
}

func TestReaches(t *testing.T) {
	c := Container{Name: "bridge", Ports: []string{"9010"}, Addresses: []string{"172.17.0.2"}}
	for _, row := range []struct {
		url  string
		c    Container
		yes  bool
		says string
	}{
		{"http://127.0.0.1:9010", c, true, ""},
		{"http://172.17.0.2:8080", c, true, ""},
		{"http://127.0.0.1:9011", c, false, "publishes [9010]"},
		{"http://127.0.0.1", c, false, "publishes [9010]"},
		{"https://bridge.example", Container{Ports: []string{"443"}}, true, ""},
		{"http://127.0.0.1:9011", Container{HostNetwork: true}, false, ""},
	} {
		yes, why := reaches(row.c, row.url)
		if yes != row.yes || !strings.Contains(why, row.says) || (row.says == "") != (why == "") {
			t.Errorf("%s: %v %q", row.url, yes, why)
		}
	}
}

func TestResolveDockerHost(t *testing.T) {
	dir := t.TempDir()
	put := func(path, text string) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256([]byte("staging"))
	id := hex.EncodeToString(sum[:])
	put("config.json", `{"currentContext":"staging"}`)
	put("contexts/meta/"+id+"/meta.json", `{"Name":"staging","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://10.0.0.5:2376","SkipTLSVerify":true}}}`)
	put("contexts/tls/"+id+"/docker/ca.pem", "x")
	certs := filepath.Join(dir, "contexts", "tls", id, "docker")
	for _, row := range []struct {
		name, named string
		env         map[string]string
		want        DockerHost
		says        string
	}{
		{"the spec", "tcp://a:2375", map[string]string{"DOCKER_HOST": "tcp://b:2375"}, DockerHost{Address: "tcp://a:2375", SkipVerify: true, From: "target.docker.host"}, ""},
		{"the environment", "", map[string]string{"DOCKER_HOST": "tcp://b:2376", "DOCKER_CERT_PATH": "/certs", "DOCKER_TLS_VERIFY": "1"}, DockerHost{Address: "tcp://b:2376", Certs: "/certs", From: "DOCKER_HOST"}, ""},
		{"the current context", "", nil, DockerHost{Address: "tcp://10.0.0.5:2376", Certs: certs, SkipVerify: true, From: "docker context staging"}, ""},
		{"the default context by name", "", map[string]string{"DOCKER_CONTEXT": "default"}, DockerHost{From: "the local socket"}, ""},
		{"an unknown context", "", map[string]string{"DOCKER_CONTEXT": "prod"}, DockerHost{}, "docker context ls"},
		{"nothing", "", map[string]string{"DOCKER_CONFIG": filepath.Join(dir, "none")}, DockerHost{From: "the local socket"}, ""},
		{"a Windows pipe", "npipe:////./pipe/docker_engine", nil, DockerHost{Address: "npipe:////./pipe/docker_engine", SkipVerify: true, From: "target.docker.host"}, ""},
		{"ssh", "ssh://me@host", nil, DockerHost{}, "ssh -NL"},
		{"nonsense", "docker.sock", nil, DockerHost{}, "want unix://"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ResolveDockerHost(row.named, func(k string) (string, bool) {
				if v, ok := row.env[k]; ok || k != "DOCKER_CONFIG" {
					return v, ok
				}
				return dir, true
			})
			if row.says != "" {
				if err == nil || !strings.Contains(err.Error(), row.says) {
					t.Errorf("%v does not say %q", err, row.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("host (-want +got):\n%s", diff)
			}
		})
	}
}

// What an engine refuses is said with what to do about it.
func TestDockerSaysWhatToTry(t *testing.T) {
	d, err := NewDocker(DockerHost{Address: "unix://" + filepath.Join(t.TempDir(), "none.sock"), From: "DOCKER_HOST"}, drill.DockerSpec{Container: "bridge"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.reachable(t.Context()); err == nil || !strings.Contains(err.Error(), "none.sock") || !strings.Contains(err.Error(), "host from DOCKER_HOST") {
		t.Errorf("no socket: %v", err)
	}
	if err := d.explain("stop container bridge", errors.New("dial unix /var/run/docker.sock: connect: permission denied")); !strings.Contains(err.Error(), "member of the group docker") {
		t.Errorf("permission denied: %v", err)
	}
	if err := d.explain("inspect container bridge", errdefs.ErrNotFound); !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "ps -a") {
		t.Errorf("unknown container: %v", err)
	}
	if _, err := NewDocker(DockerHost{Address: "tcp://127.0.0.1:1", Certs: t.TempDir()}, drill.DockerSpec{}); err == nil || !strings.Contains(err.Error(), "docker certificates in") {
		t.Errorf("no certificates: %v", err)
	}
}
