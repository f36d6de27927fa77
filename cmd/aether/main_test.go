package main

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this binary several programs: the real main, a service that
// lies in a way of one's choosing, and one that knows nothing of us. They are started by name, as processes
// of their own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"aether":   main,
		"saboteur": func() { os.Exit(saboteur(os.Args[1:])) },
		"plain":    func() { os.Exit(plain()) },
		"stubborn": func() { signal.Ignore(syscall.SIGTERM); os.Exit(saboteur([]string{"stubborn", os.DevNull})) },
	})
}
