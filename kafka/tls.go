package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

func (t TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		text, err := readPEM("tls.ca_file", t.CAFile)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("tls.ca_file: %s holds no certificate", t.CAFile)
		}
	}
	if t.CertFile == "" {
		return c, nil
	}
	cert, err := readPEM("tls.cert_file", t.CertFile)
	if err != nil {
		return nil, err
	}
	key, err := readPEM("tls.key_file", t.KeyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("tls.key_file: %s is not the key of tls.cert_file %s: %w", t.KeyFile, t.CertFile, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// readPEM tells a file that is not there from one in another format, such as
// the JKS and PKCS#12 stores of Java clients.
func readPEM(field, name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	if block, _ := pem.Decode(text); block == nil {
		return nil, fmt.Errorf("%s: %s is not PEM (which has a line -----BEGIN …); a keystore of Java must be converted", field, name)
	}
	return text, nil
}
