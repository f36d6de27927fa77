//go:build integration && linux

package realworld

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// repo is the root of this repository.
func repo(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("find the repository: %v", err)
	}
	return filepath.Dir(string(bytes.TrimSpace(out)))
}

func write(t testing.TB, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a program to its end and returns its standard output.
func run(t testing.TB, dir string, argv ...string) []byte {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("run %q: %v (.ci/real installs what is missing)\n%s%s", argv, err, out, complaint.Bytes())
	}
	return out
}
