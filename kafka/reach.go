package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/IBM/sarama"
)

// finding is why an address is of no use: what it "is", read after the address,
// and what to try.
type finding struct {
	is, try string
	dial    bool // nothing was reached at all
}

// reach is nil where a Kafka broker answers at addr, over TLS if conf has it.
func reach(ctx context.Context, addr string, conf *sarama.Config) *finding {
	conn, err := dial(ctx, addr)
	if err != nil {
		return undialled(err)
	}
	defer conn.Close()
	if !conf.Net.TLS.Enable {
		if speaksKafka(conn) == nil {
			return nil
		}
		if speaksTLS(ctx, addr) {
			return &finding{is: "speaks TLS, and none is configured", try: "set kafka.tls (--tls), or use the port of a plaintext listener"}
		}
		return &finding{is: "does not answer as a Kafka broker does", try: "is it the port of something else?"}
	}
	secure := tls.Client(conn, serverName(conf.Net.TLS.Config, addr))
	err = secure.HandshakeContext(ctx)
	if err == nil {
		err = speaksKafka(secure) // with TLS 1.3 a client certificate is refused only now
	}
	if err == nil {
		return nil
	}
	if plain, dialled := dial(ctx, addr); dialled == nil {
		defer plain.Close()
		if speaksKafka(plain) == nil {
			return &finding{is: "speaks plaintext, and TLS is configured", try: "use the port of the TLS listener, or leave kafka.tls (--tls) out"}
		}
	}
	return insecure(conf, err)
}

func dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: stepLimit}).DialContext(ctx, "tcp", addr)
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(stepLimit))
	}
	return conn, err
}

func undialled(err error) *finding {
	var dns *net.DNSError
	var slow interface{ Timeout() bool }
	f := &finding{is: fmt.Sprintf("cannot be reached (%v)", err), try: "is the address right?", dial: true}
	switch {
	case errors.As(err, &dns):
		f.is, f.try = "does not resolve here", "is the name right, and known on this machine?"
	case errors.Is(err, syscall.ECONNREFUSED):
		f.is, f.try = "refuses connections", "is the broker running there, and is the address right?"
	case errors.As(err, &slow) && slow.Timeout():
		f.is, f.try = "does not answer", "is it in another network, or a firewall in between?"
	}
	return f
}

// insecure is why TLS with this broker failed.
func insecure(conf *sarama.Config, err error) *finding {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var remote *net.OpError
	switch {
	case errors.As(err, &authority) && conf.Net.TLS.Config.RootCAs != nil:
		return &finding{is: "has a certificate that is not trusted", try: "is kafka.tls.ca_file (--tls-ca) the CA that signed it?"}
	case errors.As(err, &authority):
		return &finding{is: "has a certificate that is not trusted", try: "set kafka.tls.ca_file (--tls-ca) to the CA that signed it"}
	case errors.As(err, &name):
		return &finding{is: "has a certificate for another name (" + name.Error() + ")", try: "use an address that is in the certificate"}
	case errors.As(err, &invalid):
		return &finding{is: "has a certificate that is not valid (" + invalid.Error() + ")", try: "is it expired, or a clock wrong?"}
	case errors.As(err, &remote) && remote.Op == "remote error" && strings.Contains(remote.Error(), "certificate"):
		return &finding{is: fmt.Sprintf("does not accept our client certificate (%v)", remote.Err), try: "set kafka.tls.cert_file and key_file (--tls-cert, --tls-key) to ones it trusts"}
	default:
		return &finding{is: fmt.Sprintf("does not answer over TLS (%v)", err), try: "is it the port of the TLS listener?"}
	}
}

// speaksTLS looks for a server that can be spoken to, not for one to be trusted.
func speaksTLS(ctx context.Context, addr string) bool {
	conn, err := dial(ctx, addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	// A refusal of our lack of a certificate is an answer in TLS as well.
	seen := false
	err = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { seen = true; return nil }}).HandshakeContext(ctx)
	return err == nil || seen
}

func serverName(c *tls.Config, addr string) *tls.Config {
	c = c.Clone()
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(addr)
	}
	return c
}

const (
	keyAPIVersions = 18
	correlation    = 0x61657468
	longestAnswer  = 64 << 10
)

// speaksKafka asks for the API versions, which every broker answers, before a
// login too. By hand, because a client's error does not tell at which step it
// failed.
func speaksKafka(conn net.Conn) error {
	request := binary.BigEndian.AppendUint32(nil, 10) // bytes that follow
	request = binary.BigEndian.AppendUint16(request, keyAPIVersions)
	request = binary.BigEndian.AppendUint16(request, 0) // version
	request = binary.BigEndian.AppendUint32(request, correlation)
	request = binary.BigEndian.AppendUint16(request, 0) // no client id
	if _, err := conn.Write(request); err != nil {
		return err
	}
	var head [8]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return err
	}
	if n := binary.BigEndian.Uint32(head[:]); n < 10 || n > longestAnswer || binary.BigEndian.Uint32(head[4:]) != correlation {
		return errors.New("the answer is none of a Kafka broker")
	}
	return nil
}

// hungUp: the other side ended the connection without a word.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
