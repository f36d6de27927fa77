package monitoring

import _ "embed"

//go:embed rules/crm-events.rules.yml
var rules []byte

// Rules is the rules file of the bridge, as it is shipped.
func Rules() []byte { return append([]byte(nil), rules...) }
