// Package kafka connects to Kafka, and creates topics.
package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const metadataMinAge = 500 * time.Millisecond

// Config is how to reach Kafka.
type Config struct {
	Brokers []string
	// SSL says whether connections are encrypted, and brokers must present a trusted certificate.
	SSL bool
	// CAFile is a file of certificates that are trusted in place of the system's; "" for the system's.
	CAFile string
	// Mechanism is SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN; "" when the process does not authenticate.
	Mechanism, Username, Password string
}

// Options returns the options of a client that connects as configured.
func (c Config) Options() ([]kgo.Opt, error) {
	options := []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.ClientID("go-enrichment"),
		// A topic that has just been created is found soon.
		kgo.MetadataMinAge(metadataMinAge),
	}
	if c.SSL {
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		if c.CAFile != "" {
			pem, err := os.ReadFile(c.CAFile)
			if err != nil {
				return nil, err
			}
			config.RootCAs = x509.NewCertPool()
			if !config.RootCAs.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("%s has no certificate", c.CAFile)
			}
		}
		options = append(options, kgo.DialTLSConfig(config))
	}
	switch c.Mechanism {
	case "SCRAM-SHA-512":
		options = append(options, kgo.SASL(scram.Auth{User: c.Username, Pass: c.Password}.AsSha512Mechanism()))
	case "SCRAM-SHA-256":
		options = append(options, kgo.SASL(scram.Auth{User: c.Username, Pass: c.Password}.AsSha256Mechanism()))
	case "PLAIN":
		options = append(options, kgo.SASL(plain.Auth{User: c.Username, Pass: c.Password}.AsMechanism()))
	}
	return options, nil
}
