package kafka

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/IBM/sarama"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestValidateNamesTheField(t *testing.T) {
	for _, c := range []struct {
		login Login
		want  string
	}{
		{Login{}, ""},
		{Login{TLS: &TLS{}, SASL: &SASL{"scram-sha-256", "u", "p"}}, ""},
		{Login{TLS: &TLS{CertFile: "c"}}, "tls.key_file: is missing beside tls.cert_file"},
		{Login{TLS: &TLS{KeyFile: "k"}}, "tls.cert_file: is missing beside tls.key_file"},
		{Login{SASL: &SASL{}}, "sasl.mechanism: is missing: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512\nsasl.username: is missing\nsasl.password: is missing"},
		{Login{SASL: &SASL{"GSSAPI", "u", "p"}}, `sasl.mechanism: "GSSAPI" is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512`},
	} {
		got := ""
		if err := c.login.Validate(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.login, got, c.want)
		}
	}
}

func TestApplySaysWhichFileIsWrong(t *testing.T) {
	_, one := newIdentity(t)
	_, two := newIdentity(t)
	ca := one.CAFile
	jks := write(t, "trust.jks", "\xfe\xed\xfe\xed")
	keyOnly := write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})))
	for name, c := range map[string]struct {
		tls  TLS
		says string
	}{
		"no CA":            {TLS{CAFile: "/nowhere/ca.pem"}, "tls.ca_file: open /nowhere/ca.pem"},
		"a Java store":     {TLS{CAFile: jks}, "tls.ca_file: " + jks + " is not PEM"},
		"a key as CA":      {TLS{CAFile: keyOnly}, "tls.ca_file: " + keyOnly + " holds no certificate"},
		"cert is not PEM":  {TLS{CertFile: jks, KeyFile: two.KeyFile}, "tls.cert_file: " + jks + " is not PEM"},
		"no key":           {TLS{CertFile: ca, KeyFile: "/nowhere/key"}, "tls.key_file: open /nowhere/key"},
		"another's key":    {TLS{CertFile: one.CertFile, KeyFile: two.KeyFile}, "tls.key_file: " + two.KeyFile + " is not the key of tls.cert_file " + one.CertFile},
		"cert without key": {TLS{CertFile: ca}, "tls.key_file: is missing"},
	} {
		err := Login{TLS: &c.tls}.Apply(sarama.NewConfig())
		if err == nil || !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (Login{TLS: &TLS{CAFile: "/nowhere/ca.pem"}}).Apply(sarama.NewConfig()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is not wrapped: %v", err)
	}
}

func TestApplyIsWhatSaramaTakes(t *testing.T) {
	_, own := newIdentity(t)
	for _, mechanism := range []string{"plain", "Scram-Sha-256", "SCRAM-SHA-512"} {
		c := sarama.NewConfig()
		if err := (Login{TLS: &own, SASL: &SASL{mechanism, "u", "p"}}).Apply(c); err != nil {
			t.Fatal(err)
		}
		if err := c.Validate(); err != nil || !c.Net.SASL.Enable || !c.Net.TLS.Enable || c.Net.TLS.Config.RootCAs == nil || len(c.Net.TLS.Config.Certificates) != 1 {
			t.Errorf("%s: %v", mechanism, err)
		}
	}
	c := sarama.NewConfig()
	if err := (Login{}).Apply(c); err != nil || c.Net.TLS.Enable || c.Net.SASL.Enable {
		t.Errorf("a login that is none changed the connection: %v", err)
	}
}

func TestPasswordNeverPrints(t *testing.T) {
	const password = "s3cr3t-pw"
	l := Login{SASL: &SASL{"PLAIN", "ann", password}}
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	all := string(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all += fmt.Sprintf(verb+verb+verb+verb, l, &l, *l.SASL, l.SASL)
	}
	for _, wrong := range []SASL{{"NONE", "ann", password}, {"PLAIN", "", password}} {
		all += fmt.Sprint(Login{SASL: &wrong}.Apply(sarama.NewConfig()))
	}
	if strings.Contains(all, password) || strings.Contains(all, fmt.Sprintf("%x", password)) {
		t.Errorf("the password is printed: %s", all)
	}
	if !strings.Contains(all, mask) || !strings.Contains(all, "ann") {
		t.Errorf("nothing was masked: %s", all)
	}
}
