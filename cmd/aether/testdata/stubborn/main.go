// Command stubborn runs the bridge as its child and ignores what asks it to end.
package main

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	child := exec.Command("/aether", "serve")
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if child.Start() != nil {
		os.Exit(1)
	}
	signal.Ignore(syscall.SIGTERM)
	_ = child.Wait()
}
