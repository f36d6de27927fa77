//go:build integration && linux

package realworld

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wantNothingLeft runs f as a test of its own and then looks for what it
// started: a process or a mount that names one of its folders, or a folder.
func wantNothingLeft(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("TMPDIR", home) // where TempDir and MkdirTemp make theirs
	if !t.Run("uses", f) {
		return
	}
	for _, p := range processesNaming(t, home) {
		t.Errorf("left running: %s", p)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), home) {
		t.Errorf("left mounted below %s:\n%s", home, mounts)
	}
	left, err := os.ReadDir(home)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		t.Errorf("left behind: %s", e.Name())
	}
}

func processesNaming(t *testing.T, dir string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(line), dir) { // one that ended meanwhile is not left
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
