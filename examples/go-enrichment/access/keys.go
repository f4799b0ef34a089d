package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"orderflow.example/go-enrichment/rpc"
)

const (
	// freshFor: keys are fetched again after this time, while the old ones go on being used.
	freshFor = 10 * time.Minute
	// usableFor is how long keys are used while the issuer cannot be reached.
	usableFor    = 24 * time.Hour
	fetchTimeout = 5 * time.Second
	maxKeyBytes  = 1 << 20
)

// cause is why keys are fetched.
type cause int

const (
	noKeys cause = iota
	staleKeys
	unknownKey
)

// pauses are the least times between two fetches for the same cause. A token with an unknown key can be made up.
var pauses = map[cause]time.Duration{noKeys: time.Second, staleKeys: 30 * time.Second, unknownKey: 30 * time.Second}

// Keys are the public keys with which an issuer signs. They are fetched when a token needs them.
type Keys struct {
	url    string
	log    *slog.Logger
	client *http.Client
	now    func() time.Time

	mu        sync.Mutex
	set       []jose.JSONWebKey
	fetchedAt time.Time
	triedAt   map[cause]time.Time
	fetching  chan struct{}
}

// NewKeys creates it. url is where the issuer publishes its JSON Web Key Set (RFC 7517).
func NewKeys(url string, log *slog.Logger) *Keys {
	noRedirects := func(*http.Request, []*http.Request) error { return errors.New("redirects are not followed") }
	client := &http.Client{Timeout: fetchTimeout, CheckRedirect: noRedirects}
	return &Keys{url: url, log: log, client: client, now: time.Now, triedAt: map[cause]time.Time{}}
}

// find returns the public key for the header of a token.
func (k *Keys) find(ctx context.Context, header jose.Header) (any, error) {
	set, age := k.current()
	switch {
	case set == nil:
		k.refresh(ctx, noKeys)
	case age >= freshFor:
		go k.refresh(context.WithoutCancel(ctx), staleKeys)
	}
	if set, _ = k.current(); set == nil {
		return nil, rpc.Error("DEPENDENCY_UNAVAILABLE",
			"tokens cannot be verified: the keys of their issuer cannot be fetched; repeat later", nil)
	}
	if key := matching(set, header); key != nil {
		return key, nil
	}
	k.refresh(ctx, unknownKey)
	set, _ = k.current()
	if key := matching(set, header); key != nil {
		return key, nil
	}
	return nil, unauthenticated("its issuer has no such key")
}

// current returns the keys that may be used, and their age; nil without any.
func (k *Keys) current() ([]jose.JSONWebKey, time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	age := k.now().Sub(k.fetchedAt)
	if age >= usableFor {
		return nil, age
	}
	return k.set, age
}

// matching returns the one key that can have made the signature; nil when there is none, or more than one.
func matching(set []jose.JSONWebKey, header jose.Header) any {
	var found any
	for _, key := range set {
		isOther := header.KeyID != "" && key.KeyID != header.KeyID
		if isOther || (key.Use != "" && key.Use != "sig") || (key.Algorithm != "" && key.Algorithm != header.Algorithm) {
			continue
		}
		if !key.IsPublic() || !canVerify(key.Key, header.Algorithm) {
			continue
		}
		if found != nil {
			return nil
		}
		found = key.Key
	}
	return found
}

// refresh fetches the keys, unless that was tried a moment ago for the same cause. Calls at the same time share a fetch.
func (k *Keys) refresh(ctx context.Context, why cause) {
	k.mu.Lock()
	if k.fetching == nil {
		if tried, ok := k.triedAt[why]; ok && k.now().Sub(tried) < pauses[why] {
			k.mu.Unlock()
			return
		}
		k.triedAt[why] = k.now()
		k.fetching = make(chan struct{})
		go k.fetchAndKeep(k.fetching)
	}
	done := k.fetching
	k.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func (k *Keys) fetchAndKeep(done chan struct{}) {
	set, err := k.fetch()
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.log.Warn("the keys of the token issuer could not be fetched", "err", err)
	} else {
		k.set, k.fetchedAt = set, k.now()
	}
	k.fetching = nil
	close(done)
}

func (k *Keys) fetch() ([]jose.JSONWebKey, error) {
	response, err := k.client.Get(k.url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the status is %d", response.StatusCode)
	}
	var set struct{ Keys []json.RawMessage }
	if err := json.NewDecoder(io.LimitReader(response.Body, maxKeyBytes)).Decode(&set); err != nil {
		return nil, err
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		// A key of a kind that is not known here does not take the others away.
		if json.Unmarshal(raw, &key) == nil && key.Valid() {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("there are none: no token can be verified")
	}
	return keys, nil
}
