package promcheck

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReceiversOf(t *testing.T) {
	const config = `
route:
  receiver: everybody
  routes:
    - receiver: nobody
      match: {severity: none}
    - receiver: crm
      matchers: ['team="crm"', 'service=~"crm-.*"']
      continue: true
    - match_re: {service: "crm-events-.*"}
      routes:
        - receiver: pager
          matchers: ['severity="critical"', 'product!="test"']
    - receiver: later
      matchers: ['team="crm"']
receivers:
  - name: everybody
    webhook_configs: [{url: <secret>}]
  - name: nobody
  - name: crm
    slack_configs: [{channel: '#crm'}]
  - name: pager
    pagerduty_configs: [{routing_key: <secret>}]
  - name: later
    email_configs: [{to: a@b}]
`
	for _, row := range []struct {
		name  string
		alert map[string]string
		want  []string
	}{
		{"no child matches", map[string]string{"alertname": "X"}, []string{"everybody"}},
		{"a receiver without integrations", map[string]string{"severity": "none"}, nil},
		{"continue, then a child's child", map[string]string{"team": "crm", "service": "crm-events-sse", "severity": "critical"}, []string{"crm", "pager"}},
		{"a child inherits the receiver", map[string]string{"service": "crm-events-sse", "severity": "warning"}, []string{"everybody"}},
		{"continue, then the next", map[string]string{"team": "crm", "service": "crm-x"}, []string{"crm", "later"}},
		{"a negative matcher", map[string]string{"service": "crm-events-sse", "severity": "critical", "product": "test"}, []string{"everybody"}},
	} {
		got, err := receiversOf(config, row.alert)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: receivers (-want +got):\n%s", row.name, diff)
		}
	}
	for _, bad := range []string{"route: [", "route: {receiver: a, routes: [{matchers: ['=']}]}"} {
		if got, err := receiversOf(bad, nil); err == nil {
			t.Errorf("%s: %v without an error", bad, got)
		}
	}
}
