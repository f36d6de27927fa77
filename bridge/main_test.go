package bridge

import (
	"os"
	"testing"
)

// TestMain makes this binary other programs too: clients in a process of their
// own, and a bridge that can be killed.
func TestMain(m *testing.M) {
	switch os.Getenv("BRIDGE_TEST_ROLE") {
	case "swarm":
		os.Exit(swarmMain())
	case "bridge":
		os.Exit(bridgeMain())
	}
	os.Exit(m.Run())
}
