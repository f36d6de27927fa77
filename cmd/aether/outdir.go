package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/aetherlink/aether/drill"
	"github.com/aetherlink/aether/reports"
)

// drillID is the time, the name and four digits by chance.
func drillID(at time.Time, name string) string {
	b := make([]byte, 2)
	_, _ = rand.Read(b) // never fails
	return at.UTC().Format("20060102T150405Z") + "-" + name + "-" + hex.EncodeToString(b)
}

// outDir is the folder of one drill.
type outDir struct {
	path    string
	journal *os.File
	made    bool // by this run
}

const (
	journalName = "journal.jsonl"
	resultName  = "result.json"
	reportName  = "report.md"
	junitName   = "junit.xml"

	watchdogName = "watchdog.log" // where the watchdog had something to do
)

// openOut makes the folder and begins the journal. A folder that holds another
// drill is refused: what it says must stay as it is.
func openOut(path string) (*outDir, error) {
	_, err := os.Stat(path)
	o := &outDir{path: path, made: errors.Is(err, fs.ErrNotExist)}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("out: %w", err)
	}
	for _, name := range []string{resultName, reportName} {
		if _, err := os.Stat(filepath.Join(path, name)); err == nil {
			return nil, fmt.Errorf("out: %s holds another drill; name a folder that does not", path)
		}
	}
	o.journal, err = os.OpenFile(filepath.Join(path, journalName), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("out: %s holds another drill; name a folder that does not", path)
	}
	if err != nil {
		return nil, fmt.Errorf("out: %w", err)
	}
	return o, nil
}

// discard takes back what openOut did, where no drill began.
func (o *outDir) discard() {
	_ = o.journal.Close()
	_ = os.Remove(o.journal.Name())
	_ = o.dropEmptyWatchdog()
	if o.made {
		_ = os.Remove(o.path)
	}
}

// dropEmptyWatchdog removes the log of a watchdog that had nothing to do.
func (o *outDir) dropEmptyWatchdog() error {
	path := filepath.Join(o.path, watchdogName)
	info, err := os.Stat(path)
	if err != nil || info.Size() > 0 {
		return nil
	}
	return os.Remove(path)
}

// write leaves result, report and JUnit, all from the journal as it is on disk.
func (o *outDir) write(result drill.Result, list []drill.Check) error {
	if err := errors.Join(o.journal.Sync(), o.journal.Close()); err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	text, err := os.ReadFile(o.journal.Name())
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	records, err := drill.ReadJournal(text)
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	facts, err := drill.Fold(records)
	if err != nil {
		return fmt.Errorf("fold journal: %w", err)
	}
	if sum := drill.Sum(text, len(records)); sum != result.Journal {
		return fmt.Errorf("the journal on disk (%d lines) is not the one that was judged (%d lines)", sum.Lines, result.Journal.Lines)
	}
	var report, junit bytes.Buffer
	if err := reports.Markdown(&report, reports.Input{Result: result, Facts: facts, Checks: list}); err != nil {
		return err
	}
	if err := reports.JUnit(&junit, result); err != nil {
		return err
	}
	data, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	return errors.Join(o.put(resultName, append(data, '\n')), o.put(reportName, report.Bytes()), o.put(junitName, junit.Bytes()))
}

// put writes a file whole or not at all.
func (o *outDir) put(name string, data []byte) error {
	f, err := os.CreateTemp(o.path, "."+name+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(o.path, name))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
