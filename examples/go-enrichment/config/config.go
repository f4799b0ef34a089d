// Package config reads the settings from environment variables, which have the names that orderflow's own services use.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"orderflow.example/go-enrichment/access"
	"orderflow.example/go-enrichment/kafka"
)

// Config is what the environment says.
type Config struct {
	// Host and Port are where calls are served; port 0 takes a free one.
	Host string
	Port int
	// ShutdownGrace is how long the process may take to finish its work after SIGTERM.
	ShutdownGrace time.Duration
	LogLevel      slog.Level
	// PostgresURL is that of the server, without a database.
	PostgresURL    string
	DatabasePrefix string
	Kafka          kafka.Config
	TopicPrefix    string
	// SessionTimeout is how long Kafka waits for a sign of life before it gives partitions to another instance.
	SessionTimeout time.Duration
	// Auth is nil where no tokens are required.
	Auth *access.Terms
	// KeysURL is where the issuer of tokens publishes its keys.
	KeysURL string
}

// Database is the name of the database.
func (c Config) Database() string { return c.DatabasePrefix + "enrichment" }

// reader reads variables, and collects what is wrong with them.
type reader struct {
	getenv   func(string) string
	problems []error
}

// Load reads the settings. The error names every variable that is missing or invalid.
func Load(getenv func(string) string) (Config, error) {
	r := &reader{getenv: getenv}
	config := Config{
		Host:           r.text("HOST", "127.0.0.1"),
		Port:           r.port("PORT", "8005"),
		ShutdownGrace:  r.duration("SHUTDOWN_GRACE", "10s"),
		LogLevel:       r.logLevel("LOG_LEVEL", "info"),
		PostgresURL:    r.url("POSTGRES_URL", "postgres://postgres:postgres@127.0.0.1:5432", "postgres", "postgresql"),
		DatabasePrefix: r.text("DATABASE_PREFIX", ""),
		Kafka: kafka.Config{
			Brokers:   strings.Split(r.text("KAFKA_BROKERS", "127.0.0.1:9092"), ","),
			SSL:       r.oneOf("KAFKA_SSL", "false", "true") == "true",
			CAFile:    r.text("KAFKA_SSL_CA", ""),
			Mechanism: r.oneOf("KAFKA_SASL_MECHANISM", "", "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"),
			Username:  r.text("KAFKA_SASL_USERNAME", ""),
			Password:  r.text("KAFKA_SASL_PASSWORD", ""),
		},
		TopicPrefix:    r.text("TOPIC_PREFIX", ""),
		SessionTimeout: r.duration("KAFKA_SESSION_TIMEOUT", "30s"),
	}
	if issuer := r.url("AUTH_ISSUER", "", "http", "https"); issuer != "" {
		config.Auth = &access.Terms{
			Issuer:        issuer,
			Audience:      r.text("AUTH_AUDIENCE", "orderflow"),
			RolesClaim:    r.text("AUTH_ROLES_CLAIM", "roles"),
			CustomerClaim: r.text("AUTH_CUSTOMER_CLAIM", "sub"),
		}
		config.KeysURL = r.url("AUTH_JWKS_URL", strings.TrimSuffix(issuer, "/")+"/jwks", "http", "https")
	} else if !isLoopback(config.Host) {
		r.problem("AUTH_ISSUER", "a value: HOST is "+config.Host+
			", and without it everybody who reaches that may call everything")
	}
	return config, errors.Join(r.problems...)
}

func (r *reader) problem(name, expected string) {
	given := "not set"
	if r.getenv(name) != "" {
		// Values are not shown: some are secrets.
		given = "invalid"
	}
	r.problems = append(r.problems, fmt.Errorf("%s: %s, expected %s", name, given, expected))
}

// text returns a variable. An empty one counts as not set.
func (r *reader) text(name, fallback string) string {
	if value := r.getenv(name); value != "" {
		return value
	}
	return fallback
}

func (r *reader) oneOf(name, fallback string, others ...string) string {
	value := r.text(name, fallback)
	if value != fallback && !slices.Contains(others, value) {
		r.problem(name, "one of "+strings.Join(others, ", "))
	}
	return value
}

func (r *reader) port(name, fallback string) int {
	port, err := strconv.ParseUint(r.text(name, fallback), 10, 16)
	if err != nil {
		r.problem(name, "a port from 0 to 65535 (0 chooses a free one)")
	}
	return int(port)
}

// duration reads "2s", "500ms", "5m" or "1h"; a number without a unit is milliseconds.
func (r *reader) duration(name, fallback string) time.Duration {
	text := r.text(name, fallback)
	if _, err := strconv.ParseUint(text, 10, 32); err == nil {
		text += "ms"
	}
	duration, err := time.ParseDuration(text)
	if err != nil || duration < 0 {
		r.problem(name, "a duration such as 500, 500ms, 2s, 5m or 1h")
	}
	return duration
}

func (r *reader) url(name, fallback string, schemes ...string) string {
	text := r.text(name, fallback)
	if text == "" {
		return text
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || !slices.Contains(schemes, parsed.Scheme) {
		r.problem(name, "a URL that starts with "+strings.Join(schemes, ":// or ")+"://")
	}
	return text
}

func (r *reader) logLevel(name, fallback string) slog.Level {
	levels := map[string]slog.Level{
		"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warn": slog.LevelWarn, "error": slog.LevelError, "fatal": slog.LevelError + 4,
	}
	level, ok := levels[r.text(name, fallback)]
	if !ok {
		r.problem(name, "one of trace, debug, info, warn, error, fatal")
	}
	return level
}

// isLoopback says whether only this machine can reach an address. A name could be any address, but for localhost.
func isLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || (address != nil && address.IsLoopback())
}
