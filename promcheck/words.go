package promcheck

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// Error is a failure in words, the original under Unwrap.
type Error struct {
	what, words string
	cause       error
}

func (e *Error) Error() string { return e.what + ": " + e.words }
func (e *Error) Unwrap() error { return e.cause }

func (c *Client) explain(what string, err error) error {
	return &Error{what: what + " on " + c.safe, words: words(err), cause: err}
}

func words(err error) string {
	var answer *v1.Error
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time; is the address right, and reachable from here?"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.As(err, &dns):
		return "the name " + dns.Name + " is not known here"
	case errors.As(err, &op) && op.Op == "dial":
		return op.Err.Error() + "; is Prometheus running there?"
	case errors.As(err, &answer):
		return answerWords(answer)
	default:
		return insecure(err)
	}
}

// insecure is about TLS, or else the error itself.
func insecure(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var remote *net.OpError
	switch {
	case errors.As(err, &authority):
		return "its certificate is not trusted; set prometheus.http.tls.ca_file to the CA that signed it"
	case errors.As(err, &name):
		return name.Error() + "; use an address that is in its certificate"
	case errors.As(err, &remote) && remote.Op == "remote error" && strings.Contains(remote.Error(), "certificate"):
		return remote.Err.Error() + ": it wants a client certificate that it trusts; check prometheus.http.tls.cert_file"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it speaks HTTP without TLS; is the URL to begin with http:// ?"
	default:
		return err.Error()
	}
}

// answerWords: the client library puts a status into the text of its error.
func answerWords(e *v1.Error) string {
	code := 0
	if _, err := fmt.Sscanf(e.Msg, "client error: %d", &code); err == nil {
		return answered(code, e.Detail)
	}
	if _, err := fmt.Sscanf(e.Msg, "server error: %d", &code); err == nil {
		return answered(code, e.Detail)
	}
	if e.Type == v1.ErrBadResponse {
		return answered(http.StatusOK, e.Detail)
	}
	return e.Error()
}

const notPrometheus = "it does not answer as a Prometheus does; is a path prefix missing in the URL, or a login page in the way?"

// answered is what an answer without a Prometheus's own words means.
func answered(code int, body string) string {
	switch {
	case code == http.StatusUnauthorized:
		return "401: it wants a login; check prometheus.http"
	case code == http.StatusForbidden:
		return "403: it wants a login that may read; check prometheus.http"
	case strings.Contains(body, "HTTPS server"): // as Go's and nginx's servers say it
		return "it speaks HTTPS; is the URL to begin with https:// ?"
	case code >= http.StatusInternalServerError:
		return fmt.Sprintf("status %d: %s", code, strings.TrimSpace(body[:min(200, len(body))]))
	case code == http.StatusOK:
		return notPrometheus
	default:
		return fmt.Sprintf("status %d: %s", code, notPrometheus)
	}
}
