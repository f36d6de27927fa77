package bridge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// swarm is many clients in a process of their own: they count events and look at
// the time that each took, and decode nothing else.
type swarm struct {
	clients []*swarmClient
	first   atomic.Int64 // when the first event came, Unix microseconds
}

type swarmClient struct {
	conn   net.Conn
	first  *atomic.Int64
	count  bool
	events atomic.Int64
	lastID string
	mu     sync.Mutex
	delays []int32 // milliseconds
}

// swarmReport is what the swarm prints when its input ends.
type swarmReport struct {
	Events   []int64 // by client
	P50, P99 float64 // milliseconds
	First    int64   // when the first event came, Unix microseconds
	Last     int64   // when the last one did
}

// swarmOrder is what it is asked for, a line of JSON each.
type swarmOrder struct {
	Do      string // connect, reset, await, report, cut
	Addr    string
	N       int
	Query   string
	Resume  bool
	Events  int64 // for await: of every client
	Seconds int
	Count   bool // count events and look at nothing else
}

func swarmMain() int {
	in := json.NewDecoder(os.Stdin)
	s := &swarm{}
	for {
		var o swarmOrder
		if err := in.Decode(&o); err != nil {
			return 0 // the test is gone, or done
		}
		if err := s.do(o); err != nil {
			fmt.Println(strconv.Quote(err.Error()))
			return 1
		}
	}
}

func (s *swarm) do(o swarmOrder) error {
	switch o.Do {
	case "connect":
		ids := make([]string, o.N)
		if o.Resume {
			for i, c := range s.clients {
				ids[i] = c.lastID
			}
		}
		s.clients = nil
		s.first.Store(0)
		var group sync.WaitGroup
		var mu sync.Mutex
		var failed error
		for i := range o.N {
			group.Go(func() {
				c, err := s.dial(o, ids[i])
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed = err
					return
				}
				s.clients = append(s.clients, c)
			})
		}
		group.Wait()
		if failed != nil {
			return failed
		}
		fmt.Println("null")
	case "reset":
		s.first.Store(0)
		for _, c := range s.clients {
			c.mu.Lock()
			c.delays = nil
			c.mu.Unlock()
			c.events.Store(0)
		}
		fmt.Println("null")
	case "await":
		limit := time.Now().Add(time.Duration(o.Seconds) * time.Second)
		for _, c := range s.clients {
			for c.events.Load() < o.Events {
				if time.Now().After(limit) {
					return fmt.Errorf("a client has %d events, not %d", c.events.Load(), o.Events)
				}
				<-time.After(2 * time.Millisecond)
			}
		}
		return json.NewEncoder(os.Stdout).Encode(swarmReport{First: s.first.Load(), Last: time.Now().UnixMicro()})
	case "report":
		return json.NewEncoder(os.Stdout).Encode(s.report())
	}
	return nil
}

func (s *swarm) report() (r swarmReport) {
	var all []int32
	for _, c := range s.clients {
		r.Events = append(r.Events, c.events.Load())
		c.mu.Lock()
		all = append(all, c.delays...)
		c.mu.Unlock()
	}
	slices.Sort(all)
	if n := len(all); n > 0 {
		r.P50, r.P99 = float64(all[n/2]), float64(all[n*99/100])
	}
	return r
}

func (s *swarm) dial(o swarmOrder, id string) (c *swarmClient, err error) {
	c = &swarmClient{count: o.Count, first: &s.first}
	for range 1000 { // a service that starts refuses for a moment
		if c.conn, err = net.Dial("tcp", o.Addr); err == nil {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	if err != nil {
		return nil, err
	}
	head := "GET /crm-events" + o.Query + " HTTP/1.1\r\nHost: swarm\r\n"
	if id != "" {
		head += "Last-Event-ID: " + id + "\r\n"
	}
	if _, err := io.WriteString(c.conn, head+"\r\n"); err != nil {
		return nil, err
	}
	first := make([]byte, 4096)
	n := 0
	for !bytes.Contains(first[:n], []byte("connected")) {
		k, err := c.conn.Read(first[n:])
		if err != nil {
			return nil, fmt.Errorf("connect: %w after %q", err, first[:n])
		}
		n += k
	}
	go c.read(append([]byte(nil), first[bytes.Index(first[:n], []byte("connected")):n]...))
	return c, nil
}

// read counts until the connection ends; ids and times are read where they are.
func (c *swarmClient) read(rest []byte) {
	buf := make([]byte, 0, 4<<10)
	buf = append(buf, rest...)
	for {
		end := bytes.LastIndex(buf, []byte("\n\n"))
		if end >= 0 {
			c.take(buf[:end+2])
			buf = append(buf[:0], buf[end+2:]...)
		}
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, min(2*cap(buf), 4<<20)), buf...)
		}
		n, err := c.conn.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return
		}
		buf = buf[:len(buf)+n]
	}
}

func (c *swarmClient) take(b []byte) {
	now := time.Now().UnixMilli()
	if i := bytes.LastIndex(b, []byte("id: ")); i >= 0 {
		line, _, _ := bytes.Cut(b[i+4:], []byte("\n"))
		c.lastID = string(line)
	}
	if c.count {
		c.events.Add(int64(bytes.Count(b, []byte("\ndata: "))))
		return
	}
	c.mu.Lock()
	n := int64(0)
	mark := []byte(`"timestamp":`)
	for i := bytes.Index(b, mark); i >= 0; i = bytes.Index(b, mark) {
		b = b[i+len(mark):]
		at := int64(0)
		for j := 0; j < len(b) && b[j] >= '0' && b[j] <= '9'; j++ {
			at = at*10 + int64(b[j]-'0')
		}
		c.delays = append(c.delays, int32(now-at))
		n++
	}
	c.mu.Unlock()
	if c.events.Add(n) > 0 {
		c.first.CompareAndSwap(0, time.Now().UnixMicro())
	}
}
