//go:build integration && linux

package realworld

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
)

// kafkaProperties is what every broker has: one node, small, and no topic that
// nobody asked for.
const kafkaProperties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[1]s
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=%[2]s
group.initial.rebalance.delay.ms=%[3]d
auto.create.topics.enable=false
num.partitions=3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
`

// properties also holds the ports and writes the certificates that it names.
func (b *Broker) properties(o KafkaOptions, dir string) string {
	b.t.Helper()
	controller := HoldPort(b.t)
	listeners := "PLAINTEXT://" + b.Addr
	protocols := "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"
	extra := ""
	if protocol := o.protocol(); protocol != "" {
		b.Secure = HoldPort(b.t)
		listeners += ",SECURE://" + b.Secure
		protocols += ",SECURE:" + protocol
	}
	if o.Gateway != "" {
		b.Inside = holdPort(b.t, netip.MustParseAddr(o.Gateway))
		listeners += ",INSIDE://" + b.Inside
		protocols += ",INSIDE:PLAINTEXT"
	}
	if o.TLS {
		extra += b.tls(o, dir)
	}
	if o.SASL {
		extra += sasl()
	}
	return fmt.Sprintf(kafkaProperties, controller, filepath.Join(dir, "data"), o.RebalanceDelay.Milliseconds()) +
		"listeners=" + listeners + ",CONTROLLER://" + controller + "\n" +
		"advertised.listeners=" + listeners + "\n" +
		"listener.security.protocol.map=" + protocols + "\n" + extra
}

// protocol is the security protocol of the secure listener, "" without one.
func (o KafkaOptions) protocol() string {
	switch {
	case o.TLS && o.SASL:
		return "SASL_SSL"
	case o.TLS:
		return "SSL"
	case o.SASL:
		return "SASL_PLAINTEXT"
	}
	return ""
}

func (b *Broker) tls(o KafkaOptions, dir string) string {
	b.t.Helper()
	ca := NewAuthority(b.t)
	b.CAFile = write(b.t, filepath.Join(dir, "ca.pem"), ca.PEM)
	cert, key := ca.Issue("aether-client")
	b.ClientCertFile = write(b.t, filepath.Join(dir, "client.pem"), cert)
	b.ClientKeyFile = write(b.t, filepath.Join(dir, "client-key.pem"), key)
	cert, key = ca.Issue("127.0.0.1")
	lines := []string{
		"ssl.keystore.type=PEM",
		"ssl.keystore.location=" + write(b.t, filepath.Join(dir, "broker.pem"), append(key, cert...)),
		"ssl.truststore.type=PEM",
		"ssl.truststore.location=" + b.CAFile,
	}
	if o.ClientCert {
		lines = append(lines, "listener.name.secure.ssl.client.auth=required")
	}
	return strings.Join(lines, "\n") + "\n"
}

// sasl: SCRAM's users are in the formatted metadata, PLAIN's are in here.
func sasl() string {
	const prefix, module = "listener.name.secure.", "org.apache.kafka.common.security."
	return prefix + "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n" +
		prefix + "plain.sasl.jaas.config=" + module + "plain.PlainLoginModule required " +
		fmt.Sprintf("user_%s=%q;\n", KafkaUser, KafkaPassword) +
		prefix + "scram-sha-256.sasl.jaas.config=" + module + "scram.ScramLoginModule required;\n" +
		prefix + "scram-sha-512.sasl.jaas.config=" + module + "scram.ScramLoginModule required;\n"
}
