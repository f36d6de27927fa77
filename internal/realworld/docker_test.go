//go:build integration && linux

package realworld

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
)

func TestDockerRunsTheImage(t *testing.T) {
	binary, gateway := Binary(t), ""
	wantNothingLeft(t, func(t *testing.T) {
		e := Docker(t)
		gateway = e.Gateway
		b := Kafka(t, KafkaOptions{Gateway: e.Gateway})
		b.CreateTopic(topic, 3, nil)
		produce(t, b.Addr, b.Client(), `{"Type":"JobCreated"}`)
		e.BuildImage("aether:test", binary)

		published, host := HoldPort(t), HoldPort(t)
		_, port, _ := strings.Cut(host, ":")
		e.Run(Container{
			Name: "published", Image: "aether:test", Labels: map[string]string{"aether.drill": "allow"},
			Env: []string{"KAFKA_BROKERS=" + b.Inside}, Ports: map[string]string{"9010": published}, Restart: "unless-stopped",
		})
		e.Run(Container{
			Name: "host", Image: "aether:test", HostNetwork: true, Args: []string{"serve", "--host", "127.0.0.1", "--instance-id", "host"},
			Env: []string{"KAFKA_BROKERS=" + b.Addr, "PORT=" + port}, Restart: "unless-stopped",
		})
		for name, addr := range map[string]string{"published": published, "host": host} {
			wantHealthy(t, e, name, addr)
			if got := firstEvent(t, addr); !strings.Contains(got, `"value":{"Type":"JobCreated"}`) {
				t.Errorf("%s: %s", name, got)
			}
		}
		c, err := e.Client().ContainerInspect(t.Context(), "published")
		if err != nil || c.Config.Labels["aether.drill"] != "allow" {
			t.Errorf("inspect: %v, %v", c.Config, err)
		}

		e.Pause()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := e.Client().Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a frozen daemon: %v", err)
		}
		wantHealthy(t, e, "published", published)
		e.Resume()
		e.Stop()
		if _, err := e.Client().Ping(t.Context()); err == nil {
			t.Error("a stopped daemon answers")
		}
		if _, err := get(published); err == nil {
			t.Error("its container still runs")
		}
		e.Start()
		wantHealthy(t, e, "published", published)
		wantHealthy(t, e, "host", host)
		e.Stop() // and Cleanup has to find its way all the same
	})
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if strings.HasPrefix(a.String(), gateway+"/") {
			t.Errorf("left behind: the bridge with %s", a)
		}
	}
}

// Two daemons have nothing of each other, and their networks do not clash.
func TestDockerTwice(t *testing.T) {
	a, b := Docker(t), Docker(t)
	if a.Gateway == b.Gateway {
		t.Errorf("both have the gateway %s", a.Gateway)
	}
	a.BuildImage("aether:test", Binary(t))
	a.Run(Container{Name: "aether-crm-events", Image: "aether:test", Args: []string{"--help"}})
	for _, e := range []*Engine{a, b} {
		list, err := e.Client().ContainerList(t.Context(), container.ListOptions{All: true})
		if err != nil {
			t.Fatal(err)
		}
		if (len(list) == 1) != (e == a) {
			t.Errorf("%s has %d containers", e.Host, len(list))
		}
	}
	err := poll(startLimit, func(context.Context) error {
		if !strings.Contains(a.Logs("aether-crm-events"), "drill") {
			return errors.New("no usage in its log")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func wantHealthy(t *testing.T, e *Engine, name, addr string) {
	t.Helper()
	err := poll(startLimit, func(context.Context) error {
		code, err := get(addr)
		if err == nil && code != http.StatusOK {
			err = errors.New(http.StatusText(code))
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s is not healthy: %v\n%s", name, err, e.Logs(name))
	}
}

func get(addr string) (code int, err error) {
	c := http.Client{Timeout: 5 * time.Second}
	resp, err := c.Get("http://" + addr + "/healthz")
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// firstEvent reads the stream from its beginning until a record comes.
func firstEvent(t *testing.T, addr string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/crm-events?from=earliest", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("open the stream: %v", err)
	}
	defer resp.Body.Close()
	said, part := "", make([]byte, 4096)
	for !strings.Contains(said, "domain_event") {
		n, err := resp.Body.Read(part)
		said += string(part[:n])
		if err != nil {
			t.Fatalf("read the stream: %v after %q", err, said)
		}
	}
	return said
}
