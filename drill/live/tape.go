package live

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"github.com/aetherlink/aether/drill"
)

// Tape is the journal's writer. Every record is appended, folded, and wakes
// whoever waits for a fact. Safe for concurrent use.
type Tape struct {
	out Journal

	mu      sync.Mutex
	facts   *drill.Facts
	buf     []byte
	sum     hash.Hash     // of every line
	err     error         // the first failure to write: nothing can be recorded after it
	changed chan struct{} // closed and replaced at every record
}

// Journal is where lines go; an *os.File is one.
type Journal interface {
	io.Writer
	Sync() error
}

// NewTape writes to out, which it does not close.
func NewTape(out Journal) *Tape {
	return &Tape{out: out, facts: drill.NewFacts(), sum: sha256.New(), changed: make(chan struct{})}
}

// ErrTape says that the journal could not be written: the drill is blind.
var ErrTape = errors.New("write journal")

// Put stamps a record with line and time, appends it and folds it. An Intent
// is on disk before Put returns.
func (t *Tape) Put(r drill.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return t.err
	}
	r.N, r.At = t.facts.Lines+1, time.Now().UTC()
	line, err := drill.AppendLine(t.buf[:0], r)
	if err == nil {
		_, err = t.out.Write(line)
	}
	t.sum.Write(line)
	if err == nil && r.Intent != nil {
		err = t.out.Sync()
	}
	if err == nil {
		err = t.facts.Add(r)
	}
	if err != nil {
		t.err = fmt.Errorf("%w: %w", ErrTape, err)
	}
	t.buf = line
	close(t.changed)
	t.changed = make(chan struct{})
	return t.err
}

// info ties a result to the lines written so far.
func (t *Tape) info() drill.JournalInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	return drill.JournalInfo{SHA256: hex.EncodeToString(t.sum.Sum(nil)), Lines: t.facts.Lines}
}

// View calls fn with the facts as they stand; fn must not keep them.
func (t *Tape) View(fn func(*drill.Facts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fn(t.facts)
}

// Until waits until ok says so of the facts, which it is asked after every
// record. It returns ctx's error, or that of a journal that cannot be written.
func (t *Tape) Until(ctx context.Context, ok func(*drill.Facts) bool) error {
	for {
		t.mu.Lock()
		done, err, changed := ok(t.facts), t.err, t.changed
		t.mu.Unlock()
		if done || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Changed is closed at the next record.
func (t *Tape) Changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}
