//go:build !slim && !linux

package embedded

import "net"

// heldPort is a port that was free a moment ago. Elsewhere than on Linux it
// cannot be kept while nobody listens on it.
type heldPort struct{ addr string }

func holdPort() (*heldPort, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &heldPort{addr: l.Addr().String()}, l.Close()
}

func (*heldPort) close() error { return nil }
