package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/IBM/sarama"
)

// plain is an SSE service as anybody would write it: it consumes for the one
// client that is connected, sends no ids, and exposes no series of ours.
func plain() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	mux := http.NewServeMux()
	mux.HandleFunc("/crm-events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		if err := plainStream(r.Context(), w); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "# nothing") })
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: mux}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func plainStream(ctx context.Context, w http.ResponseWriter) error {
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_9_0_0
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	cfg.Consumer.Offsets.AutoCommit.Enable = false
	group, err := sarama.NewConsumerGroup(strings.Split(os.Getenv("KAFKA_BROKERS"), ","), os.Getenv("KAFKA_GROUP"), cfg)
	if err != nil {
		return err
	}
	defer group.Close()
	c := &plainClaims{w: w}
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{os.Getenv("KAFKA_TOPIC")}, c); err != nil {
			return err
		}
	}
	return nil
}

// plainClaims writes to one client, one event at a time.
type plainClaims struct {
	mu sync.Mutex
	w  http.ResponseWriter
}

func (c *plainClaims) write(text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := fmt.Fprint(c.w, text); err != nil {
		return err
	}
	return http.NewResponseController(c.w).Flush()
}

func (c *plainClaims) Setup(sarama.ConsumerGroupSession) error { return c.write(": here\n\n") }
func (*plainClaims) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (c *plainClaims) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m := <-claim.Messages():
			if m == nil {
				return nil
			}
			if err := c.write(fmt.Sprintf("data: {\"partition\":%d,\"offset\":%d,\"key\":%q,\"value\":%s}\n\n", m.Partition, m.Offset, m.Key, m.Value)); err != nil {
				return err
			}
			s.MarkMessage(m, "")
			s.Commit()
		case <-s.Context().Done():
			return nil
		}
	}
}
