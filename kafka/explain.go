package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// explainLimit bounds all of an explanation; stepLimit one connection of it.
const (
	explainLimit = 15 * time.Second
	stepLimit    = 3 * time.Second
)

// Explain puts an error of a Kafka client into words that say what to try. It
// connects to the brokers again, as conf says, for at most 15 seconds. What
// the broker itself said, the end of ctx, and what it finds no cause for come
// back as they are; in all other cases err is wrapped.
func Explain(ctx context.Context, brokers []string, conf *sarama.Config, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return err
	}
	if loginRefused(err) {
		return fmt.Errorf("%s (%w)", refusedLogin(conf, err), err)
	}
	var said sarama.KError
	var config sarama.ConfigurationError
	if errors.As(err, &said) || errors.As(err, &config) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, explainLimit)
	defer cancel()
	var found []string
	for _, b := range brokers {
		words, well := examine(ctx, b, conf)
		if well {
			return err // the client had a way in: this is about something else
		}
		found = append(found, words)
	}
	if len(found) == 0 {
		return err
	}
	return fmt.Errorf("%s (%w)", strings.Join(found, "\n"), err)
}

// examine goes the way of a client, step by step, to the first that fails.
func examine(ctx context.Context, bootstrap string, conf *sarama.Config) (words string, well bool) {
	if f := reach(ctx, bootstrap, conf); f != nil {
		return fmt.Sprintf("%s %s; %s", bootstrap, f.is, f.try), false
	}
	advertised, err := ask(bootstrap, conf)
	if err != nil {
		return bootstrap + ": " + whyNoAnswer(conf, err), false
	}
	for _, a := range advertised {
		if a == bootstrap {
			continue
		}
		if f := reach(ctx, a, conf); f != nil {
			try := f.try
			if f.dial {
				try = "set advertised.listeners, or use the listener that advertises an address reachable from here"
			}
			return fmt.Sprintf("bootstrap %s answered, but it advertises %s, which %s; %s", bootstrap, a, f.is, try), false
		}
	}
	return "", true
}

func loginRefused(err error) bool {
	return errors.Is(err, sarama.ErrSASLAuthenticationFailed) || errors.Is(err, sarama.ErrUnsupportedSASLMechanism) || errors.Is(err, sarama.ErrIllegalSASLState)
}

func refusedLogin(conf *sarama.Config, err error) string {
	s := conf.Net.SASL
	switch {
	case errors.Is(err, sarama.ErrIllegalSASLState):
		return fmt.Sprintf("the broker takes no login here (user %q, %s); use the port of a listener with SASL, or leave kafka.sasl (--sasl-mechanism) out", s.User, s.Mechanism)
	case errors.Is(err, sarama.ErrUnsupportedSASLMechanism):
		return fmt.Sprintf("the broker does not offer the mechanism %s to user %q; set kafka.sasl.mechanism (--sasl-mechanism) to one that it offers", s.Mechanism, s.User)
	}
	return fmt.Sprintf("the broker refused the login of user %q with %s; is the user there, for this mechanism, and the password right?", s.User, s.Mechanism)
}

// whyNoAnswer: the connection stands, and yet the first request failed.
// Brokers differ in whether they say why before they hang up.
func whyNoAnswer(conf *sarama.Config, err error) string {
	switch {
	case conf.Net.SASL.Enable:
		return refusedLogin(conf, err)
	case loginRefused(err) || hungUp(err):
		return "the broker hangs up on who has not logged in; set kafka.sasl (--sasl-mechanism, --sasl-username)"
	default:
		return fmt.Sprintf("the broker does not say who belongs to its cluster: %v", err)
	}
}

// ask is what the broker advertises, after a login where conf has one.
func ask(addr string, conf *sarama.Config) ([]string, error) {
	c := *conf
	c.Net.DialTimeout, c.Net.ReadTimeout, c.Net.WriteTimeout = stepLimit, stepLimit, stepLimit
	b := sarama.NewBroker(addr)
	if err := b.Open(&c); err != nil {
		return nil, err
	}
	defer b.Close()
	answer, err := b.GetMetadata(sarama.NewMetadataRequest(c.Version, nil))
	if err != nil {
		return nil, err
	}
	var all []string
	for _, other := range answer.Brokers {
		all = append(all, other.Addr())
	}
	return all, nil
}
