package config

import (
	"strings"
	"testing"
	"time"
)

func load(env map[string]string) (Config, error) {
	return Load(func(name string) string { return env[name] })
}

func TestDefaultsAreThoseOfPnpmDev(t *testing.T) {
	config, err := load(nil)
	if err != nil || config.Port != 8005 || config.Database() != "enrichment" || config.Auth != nil {
		t.Errorf("got %+v, %v", config, err)
	}
}

func TestEveryProblemIsNamed(t *testing.T) {
	_, err := load(map[string]string{
		"PORT": "65536", "SHUTDOWN_GRACE": "soon", "POSTGRES_URL": "mysql://secret@host", "KAFKA_SASL_MECHANISM": "NONE",
		"LOG_LEVEL": "loud", "HOST": "0.0.0.0",
	})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Fatalf("got %v", err)
	}
	for _, name := range []string{
		"PORT", "SHUTDOWN_GRACE", "POSTGRES_URL", "KAFKA_SASL_MECHANISM", "LOG_LEVEL", "AUTH_ISSUER",
	} {
		if !strings.Contains(err.Error(), name+": ") {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

func TestTokensAreRequiredWhereAnIssuerIsSet(t *testing.T) {
	config, err := load(map[string]string{
		"HOST": "0.0.0.0", "AUTH_ISSUER": "https://id.example/", "KAFKA_SESSION_TIMEOUT": "3000",
	})
	if err != nil || config.Auth.Issuer != "https://id.example/" || config.Auth.Audience != "orderflow" {
		t.Fatalf("got %+v, %v", config.Auth, err)
	}
	if config.KeysURL != "https://id.example/jwks" || config.SessionTimeout != 3*time.Second {
		t.Errorf("got %s, %v", config.KeysURL, config.SessionTimeout)
	}
}
