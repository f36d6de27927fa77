//go:build unix

package live

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// procGroup is the process group of the guard. Children are born into it, so
// that no moment exists in which nobody would end them.
type procGroup struct{ id int }

// startLeader starts cmd as the leader of a group of its own. It is not made a
// session: a process of another session could not join.
func startLeader(cmd *exec.Cmd) (procGroup, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return procGroup{}, err
	}
	return procGroup{id: cmd.Process.Pid}, nil
}

// start starts cmd as a member.
func (g procGroup) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: g.id}
	return cmd.Start()
}

func (g procGroup) close() error { return nil }

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

func endSignals() []os.Signal { return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} }

// endGroup asks all members of this process's group to end, and gives them a moment.
func endGroup(grace time.Duration) {
	_ = syscall.Kill(-syscall.Getpgrp(), syscall.SIGTERM)
	_ = pause(context.Background(), grace)
}

// killGroup ends every member, this process included.
func killGroup() { _ = syscall.Kill(-syscall.Getpgrp(), syscall.SIGKILL) }

// alive says that a process of that number exists.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || err == syscall.EPERM
}

// detach puts cmd into a session of its own.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
