package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/aetherlink/aether/bridge"
)

// saboteur is the bridge behind a proxy that lies: about one event of the
// backlog, the stream, or the counter, and only after it was started again, so
// that the baseline is in order.
func saboteur(args []string) int {
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: saboteur MODE FILE")
		return 2
	}
	_, err := os.Stat(args[1])
	s := &sabotage{mode: args[0], again: err == nil}
	if err := os.WriteFile(args[1], nil, 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx := context.Background()
	if s.mode != "stubborn" {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGTERM)
		defer stop()
	}
	if err := s.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// target is the event that is lied about; last is the last one of 200.
const (
	targetSeq = 17
	lastSeq   = 199
)

type sabotage struct {
	mode  string
	again bool // this is not the first start
	base  string
}

// on says that this lie is told now.
func (s *sabotage) on(mode string) bool { return s.again && s.mode == mode }

func (s *sabotage) run(ctx context.Context) error {
	cfg := bridge.DefaultConfig()
	cfg.Brokers = strings.Split(os.Getenv("KAFKA_BROKERS"), ",")
	cfg.Topic, cfg.Group, cfg.OffsetReset = os.Getenv("KAFKA_TOPIC"), os.Getenv("KAFKA_GROUP"), os.Getenv("KAFKA_OFFSET_RESET")
	cfg.Addr, cfg.InstanceID = "127.0.0.1:0", "saboteur"
	b, err := bridge.New(cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)), prometheus.NewRegistry())
	if err != nil {
		return err
	}
	s.base = "http://" + b.Addr().String()
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/crm-events", s.stream)
	mux.HandleFunc("/metrics", s.metrics)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.pass(w, r, func(b []byte) []byte { return b }) })
	server := &http.Server{Handler: mux}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	err = b.Run(ctx)
	_ = server.Close()
	<-served
	return err
}

// pass forwards a request whose answer is short.
func (s *sabotage) pass(w http.ResponseWriter, r *http.Request, change func([]byte) []byte) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, s.base+r.URL.RequestURI(), nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(change(body))
}

// metrics counts one too many once the backlog is through.
func (s *sabotage) metrics(w http.ResponseWriter, r *http.Request) {
	counter := regexp.MustCompile(`(?m)^crm_events_messages_total (\d+)`)
	s.pass(w, r, func(b []byte) []byte {
		if !s.on("overcount") {
			return b
		}
		return counter.ReplaceAllFunc(b, func(line []byte) []byte {
			name, value, _ := bytes.Cut(line, []byte(" "))
			n, _ := strconv.Atoi(string(value))
			if n > 0 {
				n++
			}
			return fmt.Appendf(nil, "%s %d", name, n)
		})
	})
}

func (s *sabotage) stream(w http.ResponseWriter, r *http.Request) {
	if s.on("never") {
		http.Error(w, "no more", http.StatusServiceUnavailable)
		return
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, s.base+"/crm-events", nil)
	if err != nil {
		return
	}
	req.Header = r.Header.Clone()
	if s.on("forget") {
		req.Header.Del("Last-Event-ID")
		s.awaitBacklog(r.Context())
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	in := bufio.NewReader(resp.Body)
	lie := liar{sabotage: s}
	for {
		block, err := readBlock(in)
		if err != nil {
			return
		}
		for _, b := range lie.about(block) {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
		if in.Buffered() == 0 {
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// awaitBacklog returns when the bridge has taken all of it.
func (s *sabotage) awaitBacklog(ctx context.Context) {
	taken := regexp.MustCompile(`(?m)^crm_events_messages_total 200$`)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get(s.base + "/metrics")
		if err == nil {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if taken.Match(body) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// readBlock is everything up to and with a blank line.
func readBlock(in *bufio.Reader) (block []byte, err error) {
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		block = append(block, line...)
		if len(line) == 1 {
			return block, nil
		}
	}
}

// liar tells the lies that are about one event.
type liar struct {
	*sabotage
	held      []byte // of a swap
	partition string
}

func (l *liar) about(block []byte) [][]byte {
	partition, seq, ok := backlogEvent(block)
	if !ok || !l.again {
		return [][]byte{block}
	}
	switch {
	case l.mode == "lose" && seq == targetSeq, l.mode == "tail" && seq == lastSeq:
		return nil
	case l.mode == "repeat" && seq == targetSeq:
		return [][]byte{block, block}
	case l.mode == "alter" && seq == targetSeq:
		return [][]byte{bytes.Replace(block, []byte(`"Pad":"x`), []byte(`"Pad":"y`), 1)}
	case l.mode == "swap" && seq == targetSeq:
		l.held, l.partition = block, partition
		return nil
	case l.held != nil && partition == l.partition:
		held := l.held
		l.held = nil
		return [][]byte{block, held}
	}
	return [][]byte{block}
}

// backlogEvent reads partition and sequence number of an event of the backlog.
func backlogEvent(block []byte) (partition string, seq int, ok bool) {
	if !bytes.Contains(block, []byte(`"Type":"AetherDrill"`)) {
		return "", 0, false
	}
	m := regexp.MustCompile(`"partition":(\d+),.*"Seq":(\d+),`).FindSubmatch(block)
	if m == nil {
		return "", 0, false
	}
	seq, err := strconv.Atoi(string(m[2]))
	return string(m[1]), seq, err == nil
}
