//go:build integration && linux

package realworld

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
)

// Alerts is an Alertmanager server.
type Alerts struct {
	// Addr is host:port, for PrometheusOptions; URL is the same as an address.
	Addr, URL string

	srv *server
}

// Alertmanager starts a server that passes every alert on to a webhook at once,
// its end too; webhook may be "" for nowhere.
func Alertmanager(t testing.TB, webhook string) *Alerts {
	t.Helper()
	dir, addr := t.TempDir(), HoldPort(t)
	config := "route: {receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\nreceivers:\n  - name: test\n"
	if webhook != "" {
		config += fmt.Sprintf("    webhook_configs: [{url: %q, send_resolved: true}]\n", webhook)
	}
	a := &Alerts{Addr: addr, URL: "http://" + addr}
	a.srv = &server{
		t: t, name: "Alertmanager", logFile: filepath.Join(dir, "alertmanager.log"),
		argv: []string{
			"prometheus-alertmanager", "--config.file=" + write(t, filepath.Join(dir, "alertmanager.yml"), []byte(config)),
			"--storage.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr, "--cluster.listen-address=",
		},
		ready: func(ctx context.Context) error { return answers(ctx, a.URL+"/-/ready", "", "") },
	}
	t.Cleanup(a.srv.cleanup)
	a.srv.start()
	return a
}

// Stop ends the server in order.
func (a *Alerts) Stop() { a.srv.t.Helper(); a.srv.stop(syscall.SIGTERM) }

// Start starts a stopped server on the same address, silences and all.
func (a *Alerts) Start() { a.srv.t.Helper(); a.srv.start() }
