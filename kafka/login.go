package kafka

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/IBM/sarama"
)

// Login is how a connection is made safe and who makes it. The zero value is
// plaintext without a login.
type Login struct {
	TLS  *TLS
	SASL *SASL
}

// TLS names PEM files. An empty CAFile means the roots of this system; cert and
// key, where the broker wants a client certificate, come together.
type TLS struct {
	CAFile, CertFile, KeyFile string
}

// SASL is a user. Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, in any case.
type SASL struct {
	Mechanism, Username, Password string
}

const mask = "********"

// masked has the fields of SASL and none of its methods.
type masked SASL

func (s SASL) masked() masked {
	if s.Password != "" {
		s.Password = mask
	}
	return masked(s)
}

// Format masks the password under every verb.
func (s SASL) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%+v", s.masked()) }

// MarshalJSON masks the password.
func (s SASL) MarshalJSON() ([]byte, error) { return json.Marshal(s.masked()) }

// Validate names every field that is wrong. It reads no file.
func (l Login) Validate() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if t := l.TLS; t != nil {
		want(t.CertFile != "" || t.KeyFile == "", "tls.cert_file: is missing beside tls.key_file")
		want(t.KeyFile != "" || t.CertFile == "", "tls.key_file: is missing beside tls.cert_file")
	}
	if s := l.SASL; s != nil {
		switch s.mechanism() {
		case sarama.SASLTypePlaintext, sarama.SASLTypeSCRAMSHA256, sarama.SASLTypeSCRAMSHA512:
		case "":
			want(false, "sasl.mechanism: is missing: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
		default:
			want(false, "sasl.mechanism: %q is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", s.Mechanism)
		}
		want(s.Username != "", "sasl.username: is missing")
		want(s.Password != "", "sasl.password: is missing")
	}
	return errors.Join(errs...)
}

func (s SASL) mechanism() string { return strings.ToUpper(s.Mechanism) }

// Apply sets TLS and SASL in c and reads the files. The error says which file
// or field is wrong, and how; c is not to be used then.
func (l Login) Apply(c *sarama.Config) error {
	if err := l.Validate(); err != nil {
		return err
	}
	if l.TLS != nil {
		conf, err := l.TLS.config()
		if err != nil {
			return err
		}
		c.Net.TLS.Enable, c.Net.TLS.Config = true, conf
	}
	if s := l.SASL; s != nil {
		n := &c.Net.SASL
		n.Enable, n.Mechanism, n.User, n.Password = true, sarama.SASLMechanism(s.mechanism()), s.Username, s.Password
		n.SCRAMClientGeneratorFunc = scramFor(n.Mechanism)
	}
	return nil
}
