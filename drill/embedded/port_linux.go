//go:build !slim

package embedded

import (
	"fmt"
	"os"
	"syscall"
)

// heldPort keeps a port for a process that comes and goes. The socket is bound
// and never listens: connections are refused, the system gives the port to
// nobody else, and a server that sets SO_REUSEADDR, as those of Go, Node,
// Python and Java do, can still listen on it.
type heldPort struct {
	addr string
	fd   int
}

func holdPort() (*heldPort, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := bindLoopback(fd); err != nil {
		_ = syscall.Close(fd)
		return nil, err
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		_ = syscall.Close(fd)
		return nil, os.NewSyscallError("getsockname", err)
	}
	return &heldPort{addr: fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port), fd: fd}, nil
}

func bindLoopback(fd int) error {
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return os.NewSyscallError("bind", syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
}

func (h *heldPort) close() error { return os.NewSyscallError("close", syscall.Close(h.fd)) }
