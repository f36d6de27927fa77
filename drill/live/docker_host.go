package live

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// DockerHost is where an engine listens, and how to be let in. It is written
// into the intent, so that another process reaches the same engine.
type DockerHost struct {
	Address    string `json:"address"`         // unix://, npipe:// or tcp://; "" is the platform's own socket
	Certs      string `json:"certs,omitempty"` // folder of ca.pem, cert.pem and key.pem
	SkipVerify bool   `json:"skip_verify,omitempty"`
	From       string `json:"from"` // what named it, for messages
}

// ResolveDockerHost decides as the docker command does: what the spec names,
// DOCKER_HOST, DOCKER_CONTEXT, the current context of its configuration, the
// local socket. The client library knows nothing of contexts.
func ResolveDockerHost(named string, env func(string) (string, bool)) (DockerHost, error) {
	get := func(k string) string { v, _ := env(k); return v }
	switch {
	case named != "":
		return checkedHost(DockerHost{Address: named, Certs: get("DOCKER_CERT_PATH"), SkipVerify: get("DOCKER_TLS_VERIFY") == "", From: "target.docker.host"})
	case get("DOCKER_HOST") != "":
		return checkedHost(DockerHost{Address: get("DOCKER_HOST"), Certs: get("DOCKER_CERT_PATH"), SkipVerify: get("DOCKER_TLS_VERIFY") == "", From: "DOCKER_HOST"})
	}
	dir := get("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return DockerHost{From: "the local socket"}, nil
		}
		dir = filepath.Join(home, ".docker")
	}
	name, err := currentContext(dir, get("DOCKER_CONTEXT"))
	if err != nil || name == "" || name == "default" {
		return DockerHost{From: "the local socket"}, err
	}
	h, err := contextHost(dir, name)
	if err != nil {
		return DockerHost{}, err
	}
	return checkedHost(h)
}

func checkedHost(h DockerHost) (DockerHost, error) {
	scheme, rest, _ := strings.Cut(h.Address, "://")
	switch scheme {
	case "unix", "npipe", "tcp", "http", "https":
		return h, nil
	case "ssh":
		return h, fmt.Errorf("docker host %s (%s): ssh is not spoken here; forward the socket with `ssh -NL /tmp/docker.sock:/var/run/docker.sock %s` and name unix:///tmp/docker.sock", h.Address, h.From, rest)
	}
	return h, fmt.Errorf("docker host %q (%s): want unix://, npipe:// or tcp://", h.Address, h.From)
}

// currentContext is the name of the context in use; "" for none.
func currentContext(dir, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	if err == nil {
		err = json.Unmarshal(text, &config)
	}
	if err != nil {
		return "", fmt.Errorf("read the docker command's configuration: %w", err)
	}
	return config.CurrentContext, nil
}

// contextHost reads a context's meta file, and finds its certificates.
func contextHost(dir, name string) (DockerHost, error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	text, err := os.ReadFile(filepath.Join(dir, "contexts", "meta", id, "meta.json"))
	if err != nil {
		return DockerHost{}, fmt.Errorf("read docker context %s: %w; `docker context ls` lists them", name, err)
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(text, &meta); err != nil {
		return DockerHost{}, fmt.Errorf("read docker context %s: %w", name, err)
	}
	h := DockerHost{Address: meta.Endpoints["docker"].Host, SkipVerify: meta.Endpoints["docker"].SkipTLSVerify, From: "docker context " + name}
	certs := filepath.Join(dir, "contexts", "tls", id, "docker")
	if _, err := os.Stat(filepath.Join(certs, "ca.pem")); err == nil {
		h.Certs = certs
	}
	return h, nil
}
