//go:build integration && linux

package realworld

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// HoldPort returns an address 127.0.0.1:port that stays the test's own while
// its server comes and goes: a socket is bound to it and never listens. Servers
// that set SO_REUSEADDR, as those of Go and Java do, can listen on it, nobody
// is given it as a free port, and connections are refused in between.
func HoldPort(t testing.TB) string {
	t.Helper()
	return holdPort(t, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
}

func holdPort(t testing.TB, ip netip.Addr) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open socket: %v", err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		t.Fatalf("set SO_REUSEADDR: %v", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: ip.As4()}); err != nil {
		t.Fatalf("bind %s: %v", ip, err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatalf("read bound address: %v", err)
	}
	return netip.AddrPortFrom(ip, uint16(name.(*unix.SockaddrInet4).Port)).String()
}
