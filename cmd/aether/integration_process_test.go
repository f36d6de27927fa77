//go:build integration

package main

import (
	"strings"
	"syscall"
	"testing"
)

// until waits for a word on standard error.
func (d *drillProcess) until(t *testing.T, word string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log(d.said())
		}
	}()
	awaitThat(t, "it says "+word, func() bool {
		select {
		case <-d.ended:
			t.Fatalf("it ended before it said %q:\n%s", word, d.said())
		default:
		}
		return strings.Contains(d.said(), word)
	})
}

func (d *drillProcess) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}
