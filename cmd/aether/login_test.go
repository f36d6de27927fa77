package main

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/aetherlink/aether/kafka"
)

const testPassword = "s3cr3t-pw"

// testApp has an environment of its own.
func testApp(env map[string]string) (a *app, out, err *bytes.Buffer) {
	out, err = &bytes.Buffer{}, &bytes.Buffer{}
	return &app{in: strings.NewReader(""), out: out, err: err, env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}, out, err
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoginIsOfFlagsAndEnvironment(t *testing.T) {
	file := writeFile(t, "password", "of-file\r\n")
	scram := &kafka.SASL{Mechanism: "SCRAM-SHA-512", Username: "u", Password: "of-env"}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want kafka.Login
		says string
	}{
		"nothing":            {nil, nil, kafka.Login{}, ""},
		"--tls":              {nil, []string{"--tls"}, kafka.Login{TLS: &kafka.TLS{}}, ""},
		"a file implies TLS": {nil, []string{"--tls-ca", "ca"}, kafka.Login{TLS: &kafka.TLS{CAFile: "ca"}}, ""},
		"environment": {map[string]string{"KAFKA_TLS": "true", "KAFKA_TLS_CERT": "c", "KAFKA_TLS_KEY": "k", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_SASL_USERNAME": "u", envPassword: "of-env"}, nil,
			kafka.Login{TLS: &kafka.TLS{CertFile: "c", KeyFile: "k"}, SASL: scram}, ""},
		"flags come first": {map[string]string{"KAFKA_TLS_CA": "of-env", "KAFKA_SASL_MECHANISM": "PLAIN", envPassword: "of-env"},
			[]string{"--tls-ca", "of-flag", "--sasl-mechanism", "SCRAM-SHA-512", "--sasl-username", "u", "--sasl-password-file", file},
			kafka.Login{TLS: &kafka.TLS{CAFile: "of-flag"}, SASL: &kafka.SASL{Mechanism: "SCRAM-SHA-512", Username: "u", Password: "of-file"}}, ""},
		"empty is not set":  {map[string]string{"KAFKA_TLS": "", envPassword: ""}, nil, kafka.Login{}, ""},
		"no boolean":        {map[string]string{"KAFKA_TLS": "maybe"}, nil, kafka.Login{}, `environment variable KAFKA_TLS: "maybe" is not a value for --tls`},
		"half a login":      {map[string]string{envPassword: "of-env"}, nil, kafka.Login{}, "sasl.mechanism: is missing"},
		"no password":       {nil, []string{"--sasl-mechanism", "PLAIN", "--sasl-username", "u"}, kafka.Login{}, "sasl.password: is missing"},
		"cert without key":  {nil, []string{"--tls-cert", "c"}, kafka.Login{}, "tls.key_file: is missing"},
		"no password file":  {nil, []string{"--sasl-password-file", "/nowhere/pw"}, kafka.Login{}, "sasl-password-file: open /nowhere/pw"},
		"an empty password": {nil, []string{"--sasl-password-file", os.DevNull}, kafka.Login{}, "sasl-password-file: " + os.DevNull + " is empty"},
	} {
		a, _, _ := testApp(c.env)
		var f loginFlags
		cmd := &cobra.Command{}
		f.add(cmd)
		if err := cmd.ParseFlags(c.args); err != nil {
			t.Fatal(err)
		}
		got, err := kafka.Login{}, a.fromEnvironment(cmd, loginEnv())
		if err == nil {
			got, err = a.login(f)
		}
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "of-env") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
}

// secureBroker wants TLS and a login; its CA is in the file.
func secureBroker(t *testing.T) (addr, ca string) {
	t.Helper()
	s := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1
	t.Cleanup(s.Close)
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "t"), kfake.TLS(&tls.Config{Certificates: s.TLS.Certificates}),
		kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "ann", testPassword))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return broker.ListenAddrs()[0], writeFile(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
}

// The real main, with its login from the environment: it reads, or says why not.
func TestServeLogsIn(t *testing.T) {
	addr, ca := secureBroker(t)
	for password, says := range map[string]string{testPassword: "msg=reading", "wr0ng-" + testPassword: `refused the login of user \"ann\" with SCRAM-SHA-256`} {
		d := &drillProcess{}
		cmd := exec.Command("aether", "serve", "--host", "127.0.0.1", "--port", "0")
		cmd.Env = append(os.Environ(), "KAFKA_BROKERS="+addr, "KAFKA_TOPIC=t", "KAFKA_TLS_CA="+ca, "KAFKA_SASL_MECHANISM=SCRAM-SHA-256", "KAFKA_SASL_USERNAME=ann", envPassword+"="+password)
		cmd.Stdout, cmd.Stderr = d, d
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(20 * time.Second)
		for !strings.Contains(d.said(), says) && time.Now().Before(deadline) {
			<-time.After(20 * time.Millisecond)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if said := d.said(); !strings.Contains(said, says) || strings.Contains(said, testPassword) {
			t.Errorf("%q is not in, or the password is:\n%s", says, said)
		}
	}
}
