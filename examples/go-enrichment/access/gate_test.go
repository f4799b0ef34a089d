package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"orderflow.example/gen/orderflow/enrichment/v1/enrichmentv1connect"
	"orderflow.example/go-enrichment/rpc"
)

const (
	customerService = enrichmentv1connect.CustomerServiceName
	productService  = enrichmentv1connect.ProductServiceName
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// issuer signs tokens, and publishes its keys.
type issuer struct {
	*httptest.Server
	key     *ecdsa.PrivateKey
	fetches atomic.Int32
	isDown  atomic.Bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	created := &issuer{key: key}
	created.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		created.fetches.Add(1)
		if created.isDown.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		public := jose.JSONWebKey{Key: &key.PublicKey, KeyID: "k1", Algorithm: "ES256", Use: "sig"}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	}))
	t.Cleanup(created.Close)
	return created
}

func (i *issuer) tokens() *Tokens {
	terms := Terms{Issuer: "https://id.example", Audience: "orderflow", RolesClaim: "realm.roles", CustomerClaim: "sub"}
	return NewTokens(terms, NewKeys(i.URL, quiet))
}

// claims are those of a good token of a customer, changed by pairs of name and value; nil removes a claim.
func claims(changes ...any) map[string]any {
	all := map[string]any{
		"iss":   "https://id.example",
		"aud":   []string{"another", "orderflow"},
		"sub":   "c-1",
		"exp":   time.Now().Add(time.Minute).Unix(),
		"realm": map[string]any{"roles": []string{"customer", "of another program"}},
	}
	for i := 0; i < len(changes); i += 2 {
		name := changes[i].(string)
		if all[name] = changes[i+1]; changes[i+1] == nil {
			delete(all, name)
		}
	}
	return all
}

func roles(names ...string) map[string]any { return map[string]any{"roles": names} }

func (i *issuer) sign(t *testing.T, content map[string]any) string {
	t.Helper()
	return sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, "k1", content)
}

func sign(t *testing.T, key jose.SigningKey, keyID string, content map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithHeader("kid", keyID)
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(content).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokensThatAreNotGood(t *testing.T) {
	issuer := newIssuer(t)
	tokens := issuer.tokens()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := issuer.sign(t, claims())
	header, rest, _ := strings.Cut(good, ".")
	unsigned := "eyJhbGciOiJub25lIn0." + strings.SplitN(rest, ".", 2)[0] + "."
	for problem, token := range map[string]string{
		"it is no JSON Web Token that can be verified":           header,
		"it is longer than 8192 characters":                      strings.Repeat("x", 8193),
		"its algorithm is not allowed":                           unsigned,
		"its signature is wrong":                                 good[:len(good)-8] + "AAAAAAAA",
		"its issuer has no such key":                             sign(t, jose.SigningKey{Algorithm: jose.RS256, Key: other}, "k1", claims()),
		"its iss is not the expected one":                        issuer.sign(t, claims("iss", "https://id.example/")),
		"it has no aud":                                          issuer.sign(t, claims("aud", nil)),
		"its aud is not the expected one":                        issuer.sign(t, claims("aud", "another")),
		"it has no exp":                                          issuer.sign(t, claims("exp", nil)),
		"it has expired":                                         issuer.sign(t, claims("exp", time.Now().Add(-31*time.Second).Unix())),
		"it is not valid yet":                                    issuer.sign(t, claims("nbf", time.Now().Add(time.Minute).Unix())),
		"it has no sub":                                          issuer.sign(t, claims("sub", nil)),
		"its sub is not a text, or is empty":                     issuer.sign(t, claims("sub", 7)),
		`its sub has " for ", as the name of another caller has`: issuer.sign(t, claims("sub", "shop for ann")),
	} {
		_, err := tokens.Read(t.Context(), token, time.Now())
		if err == nil || rpc.Reason(err) != "UNAUTHENTICATED" || !strings.HasSuffix(err.Error(), problem) {
			t.Errorf("got %v, want: %s", err, problem)
		}
	}
	secret := jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("s", 32))}
	_, err = tokens.Read(t.Context(), sign(t, secret, "k1", claims()), time.Now())
	if err == nil || !strings.HasSuffix(err.Error(), "its algorithm is not allowed") {
		t.Errorf("a token that is signed with a secret: %v", err)
	}
	// Within the tolerance of clocks.
	expired := issuer.sign(t, claims("exp", time.Now().Add(-20*time.Second).Unix()))
	if _, err := tokens.Read(t.Context(), expired, time.Now()); err != nil {
		t.Error(err)
	}
}

func TestKeysThatCannotBeFetchedSayNothingAboutTheToken(t *testing.T) {
	issuer := newIssuer(t)
	issuer.isDown.Store(true)
	tokens := issuer.tokens()
	now := time.Now()
	tokens.keys.now = func() time.Time { return now }
	token := issuer.sign(t, claims())
	if _, err := tokens.Read(t.Context(), token, now); rpc.Reason(err) != "DEPENDENCY_UNAVAILABLE" {
		t.Fatalf("got %v", err)
	}
	// Not one fetch for every token.
	_, _ = tokens.Read(t.Context(), token, now)
	if got := issuer.fetches.Load(); got != 1 {
		t.Errorf("%d fetches", got)
	}
	issuer.isDown.Store(false)
	now = now.Add(2 * time.Second)
	if _, err := tokens.Read(t.Context(), token, now); err != nil {
		t.Fatal(err)
	}
	// Keys that are there stay good while the issuer is down.
	issuer.isDown.Store(true)
	now = now.Add(time.Hour)
	if _, err := tokens.Read(t.Context(), issuer.sign(t, claims("exp", now.Add(time.Minute).Unix())), now); err != nil {
		t.Error(err)
	}
}

// call sends a call through the gate, and returns the status and who the handler saw.
func call(t *testing.T, gate *Gate, procedure string, headers map[string]string) (status int, callerID string) {
	t.Helper()
	handler := gate.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		callerID, _ = rpc.CallerID(r.Context())
	}))
	request := httptest.NewRequest(http.MethodPost, procedure, strings.NewReader("{}"))
	request.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder.Code, callerID
}

func TestWhoMayCallWhat(t *testing.T) {
	issuer := newIssuer(t)
	gate, err := NewGate(issuer.tokens(), quiet, customerService, productService)
	if err != nil {
		t.Fatal(err)
	}
	everybody := []string{"customer", "operator", "service"}
	for method, allowed := range map[string][]string{
		customerService + "/GetCustomer":       everybody,
		customerService + "/BatchGetCustomers": everybody[1:],
		customerService + "/ListCustomers":     everybody[1:],
		customerService + "/CreateCustomer":    everybody[1:],
		customerService + "/UpdateCustomer":    everybody[1:],
		customerService + "/PutCustomer":       everybody[1:],
		productService + "/GetProduct":         everybody,
		productService + "/BatchGetProducts":   everybody,
		productService + "/ListProducts":       everybody,
	} {
		for _, role := range append(everybody, "none of these") {
			token := issuer.sign(t, claims("realm", roles(role)))
			status, _ := call(t, gate, "/"+method, map[string]string{"Authorization": "Bearer " + token})
			want := http.StatusForbidden
			if strings.Contains(strings.Join(allowed, " "), role) {
				want = http.StatusOK
			}
			if status != want {
				t.Errorf("%s by %s: status %d, want %d", method, role, status, want)
			}
		}
		if status, _ := call(t, gate, "/"+method, nil); status != http.StatusUnauthorized {
			t.Errorf("%s without a token: status %d", method, status)
		}
	}
}

func TestCallersAreTheirSubjectsAndServicesSayForWhom(t *testing.T) {
	issuer := newIssuer(t)
	gate, err := NewGate(issuer.tokens(), quiet, customerService)
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]string{"operator": "shop@id.example", "service": "shop@id.example for ann"} {
		token := issuer.sign(t, claims("sub", "shop", "realm", roles(role)))
		_, caller := call(t, gate, "/"+customerService+"/PutCustomer",
			map[string]string{"Authorization": "bearer  " + token, "X-Caller-Id": "ann"})
		if caller != want {
			t.Errorf("%s: got %q, want %q", role, caller, want)
		}
	}
}

func TestContractsThatDoNotSayWhoMayCall(t *testing.T) {
	// The health service of grpchealth, which has no such option.
	_, err := NewGate(nil, quiet, "connectext.grpc.health.v1.Health")
	if err == nil || !strings.Contains(err.Error(), "has no option") {
		t.Errorf("got %v", err)
	}
}
