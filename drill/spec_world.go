package drill

import (
	"fmt"
	"net/url"
	"strings"
)

func (s Spec) validateWorld(p *problems) {
	p.want(s.Kafka.Topic != "", "kafka.topic", "is missing")
	p.want(s.Kafka.Group != "", "kafka.group", "is missing")
	p.want(s.Prometheus.Alert.Name != "", "prometheus.alert.name", "is missing")
	p.want(s.Prometheus.Counter != "", "prometheus.counter", "is missing")
	p.want(len(s.Prometheus.Target) > 0, "prometheus.target", "is missing: labels of the scrape target, such as job")
	p.want(strings.HasPrefix(s.Bridge.Stream, "/"), "bridge.stream", "%q must begin with /", s.Bridge.Stream)
	p.want(strings.HasPrefix(s.Bridge.Health, "/"), "bridge.health", "%q must begin with /", s.Bridge.Health)
	if e := s.Embedded; e != nil {
		s.validateEmbedded(p, e)
		return
	}
	p.want(len(s.Kafka.Brokers) > 0, "kafka.brokers", "is missing; or begin with `embedded: {}`")
	for i, b := range s.Kafka.Brokers {
		host, port, _ := strings.Cut(b, ":")
		p.want(host != "" && port != "" && !strings.Contains(b, "/"), fmt.Sprintf("kafka.brokers[%d]", i), "%q is not host:port", b)
	}
	httpURL(p, "bridge.url", s.Bridge.URL, "bridge.headers")
	httpURL(p, "prometheus.url", s.Prometheus.URL, "prometheus.http")
	s.Kafka.TLS.validate(p, "kafka.tls")
	s.Kafka.SASL.validate(p, "kafka.sasl")
	s.Prometheus.HTTP.validate(p, "prometheus.http")
}

func (s Spec) validateEmbedded(p *problems, e *EmbeddedSpec) {
	p.want(e.Partitions >= 1 && e.Partitions <= 64, "embedded.partitions", "%d: from 1 to 64", e.Partitions)
	positive(p, map[string]Duration{"embedded.scrape": e.Scrape, "embedded.evaluate": e.Evaluate, "embedded.for": e.For})
	const ours = "has no place beside embedded, which brings its own"
	p.want(s.Target.Docker == nil, "target.docker", ours)
	p.want(s.Target.Exec == nil, "target.exec", ours)
	p.want(len(s.Kafka.Brokers) == 0, "kafka.brokers", ours)
	p.want(s.Kafka.TLS == nil, "kafka.tls", ours)
	p.want(s.Kafka.SASL == nil, "kafka.sasl", ours)
	p.want(s.Prometheus.URL == "", "prometheus.url", ours)
	p.want(s.Prometheus.HTTP == nil, "prometheus.http", ours)
	p.want(s.Bridge.URL == "", "bridge.url", ours)
}

// httpURL: a login in a URL would be printed with it.
func httpURL(p *problems, path, text, login string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		p.add(path, "is missing")
	case strings.Contains(text, "@"):
		p.add(path, "has a login in it, which would be printed; it belongs into %s", login)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		p.add(path, "%q is not a URL such as http://127.0.0.1:9090", text)
	}
}

// validate: nil is plaintext.
func (t *TLSSpec) validate(p *problems, path string) {
	if t == nil {
		return
	}
	p.want(t.CertFile != "" || t.KeyFile == "", path+".cert_file", "is missing beside key_file")
	p.want(t.KeyFile != "" || t.CertFile == "", path+".key_file", "is missing beside cert_file")
}

// validate: nil is no login.
func (s *SASLSpec) validate(p *problems, path string) {
	if s == nil {
		return
	}
	const known = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"
	switch strings.ToUpper(s.Mechanism) {
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
	case "":
		p.add(path+".mechanism", "is missing: one of %s", known)
	default:
		p.add(path+".mechanism", "%q is none of %s", s.Mechanism, known)
	}
	p.want(s.Username != "", path+".username", "is missing")
	p.want(s.Password != "", path+".password", "is missing")
}

// validate: nil is no login, and the system's roots.
func (h *HTTPSpec) validate(p *problems, path string) {
	if h == nil {
		return
	}
	basic := h.Username != "" || h.Password != ""
	p.want(!basic || h.Bearer == "", path, "has a username or password and bearer: one of them is wanted")
	p.want(h.Username != "" || h.Password == "", path+".username", "is missing beside password")
	p.want(h.Password != "" || h.Username == "", path+".password", "is missing beside username")
	h.TLS.validate(p, path+".tls")
}
