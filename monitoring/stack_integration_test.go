//go:build integration

package monitoring

import (
	"os/exec"
	"testing"
)

// The servers' own tools read the files that are shipped.
func TestToolsAcceptTheFiles(t *testing.T) {
	for _, argv := range [][]string{
		{"promtool", "check", "config", "prometheus.yml"},
		{"promtool", "check", "rules", "--lint-fatal", "rules/crm-events.rules.yml"},
		{"amtool", "check-config", "alertmanager.yml"},
		{"docker-compose", "-f", "compose.yaml", "config", "-q"},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%q: %v (.ci/real installs what is missing)\n%s", argv, err, out)
		}
	}
}
