//go:build integration && linux

package realworld

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// HoldPort returns an address 127.0.0.1:port that stays the test's own while
// its server comes and goes: a socket is bound to it and never listens. Servers
// that set SO_REUSEADDR, as those of Go and Java do, can listen on it, nobody
// is given it as a free port, and connections are refused in between.
func HoldPort(t testing.TB) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open socket: %v", err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		t.Fatalf("set SO_REUSEADDR: %v", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatalf("bind 127.0.0.1: %v", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatalf("read bound address: %v", err)
	}
	return fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
}
