package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aetherlink/aether/kafka"
)

// loginFlags is how a command that talks to Kafka is told of TLS and a user.
// The password is no flag: lists of processes show flags.
type loginFlags struct {
	tls                 bool
	ca, cert, key       string
	mechanism, username string
	passwordFile        string
}

// envPassword is where the password is looked for without a file.
const envPassword = "KAFKA_SASL_PASSWORD"

func (f *loginFlags) add(c *cobra.Command) {
	fs := c.Flags()
	fs.BoolVar(&f.tls, "tls", false, "connect to Kafka over TLS; a tls- file implies it")
	fs.StringVar(&f.ca, "tls-ca", "", "PEM file of the CA that signed the brokers' certificates (default: the system's)")
	fs.StringVar(&f.cert, "tls-cert", "", "PEM file of a client certificate")
	fs.StringVar(&f.key, "tls-key", "", "PEM file of its key")
	fs.StringVar(&f.mechanism, "sasl-mechanism", "", "log in with PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
	fs.StringVar(&f.username, "sasl-username", "", "user to log in as")
	fs.StringVar(&f.passwordFile, "sasl-password-file", "", "file that holds the password (default: "+envPassword+")")
}

// loginEnv is read for flags that were not given.
func loginEnv() []envFlag {
	return []envFlag{
		{"KAFKA_TLS", "tls"}, {"KAFKA_TLS_CA", "tls-ca"}, {"KAFKA_TLS_CERT", "tls-cert"}, {"KAFKA_TLS_KEY", "tls-key"},
		{"KAFKA_SASL_MECHANISM", "sasl-mechanism"}, {"KAFKA_SASL_USERNAME", "sasl-username"},
	}
}

// login is what flags and environment say together; a zero one for neither.
func (a *app) login(f loginFlags) (l kafka.Login, err error) {
	if f.tls || f.ca != "" || f.cert != "" || f.key != "" {
		l.TLS = &kafka.TLS{CAFile: f.ca, CertFile: f.cert, KeyFile: f.key}
	}
	password, _ := a.env(envPassword)
	if f.passwordFile != "" {
		if password, err = readPassword(f.passwordFile); err != nil {
			return l, usage("%w", err)
		}
	}
	if f.mechanism != "" || f.username != "" || password != "" {
		l.SASL = &kafka.SASL{Mechanism: f.mechanism, Username: f.username, Password: password}
	}
	if err := l.Validate(); err != nil {
		return l, usage("login to Kafka:\n%w", indented(err))
	}
	return l, nil
}

// readPassword leaves out the line end that editors put behind a password.
func readPassword(name string) (string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("sasl-password-file: %w", err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" {
		return "", fmt.Errorf("sasl-password-file: %s is empty", name)
	}
	return password, nil
}

// envFlag is a flag that is read from the environment where it was not given.
type envFlag struct{ env, flag string }

// fromEnvironment fills flags that were not given.
func (a *app) fromEnvironment(c *cobra.Command, list []envFlag) error {
	for _, v := range list {
		text, ok := a.env(v.env)
		if !ok || text == "" || c.Flags().Changed(v.flag) {
			continue
		}
		if err := c.Flags().Set(v.flag, text); err != nil {
			return usage("environment variable %s: %q is not a value for --%s", v.env, text, v.flag)
		}
	}
	return nil
}
