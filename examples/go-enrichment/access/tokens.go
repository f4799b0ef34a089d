package access

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	accessv1 "orderflow.example/gen/orderflow/access/v1"
)

const (
	// maxTokenBytes is longer than any token of an identity provider.
	maxTokenBytes = 8 << 10
	// tolerance is how far clocks may be apart.
	tolerance       = 30 * time.Second
	minRSABits      = 2048
	maxCustomerRune = 256
)

// algorithms are signatures with public keys only: with an algorithm that uses a secret, a public key could be taken for
// it.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// Terms are what tokens must say.
type Terms struct {
	// Issuer is the iss of every token.
	Issuer string
	// Audience is one of the aud of every token.
	Audience string
	// RolesClaim is the claim with the roles: its name, or a path to it with dots.
	RolesClaim string
	// CustomerClaim is the claim with the id of the customer, in the same way.
	CustomerClaim string
}

// Caller is who calls, as a verified token says.
type Caller struct {
	// ID is the subject and its issuer: "ann@id.example".
	ID    string
	Roles []accessv1.Role
	// CustomerID is the customer that it is if it has the role customer; "" if the token has none that can be one.
	CustomerID string
}

// isOnlyCustomer says whether the caller is limited to what is its own.
func (c Caller) isOnlyCustomer() bool {
	return !slices.Contains(c.Roles, accessv1.Role_ROLE_OPERATOR) && !slices.Contains(c.Roles, accessv1.Role_ROLE_SERVICE)
}

// Tokens reads JSON Web Tokens (RFC 7519).
type Tokens struct {
	terms Terms
	keys  *Keys
}

// NewTokens creates it. The keys are those of the issuer.
func NewTokens(terms Terms, keys *Keys) *Tokens { return &Tokens{terms: terms, keys: keys} }

// Read returns who has this token at this time. A token that is not good is UNAUTHENTICATED, which says why; while the
// keys of the issuer cannot be had it is DEPENDENCY_UNAVAILABLE, which says nothing about the token.
func (t *Tokens) Read(ctx context.Context, token string, now time.Time) (Caller, error) {
	if len(token) > maxTokenBytes {
		return Caller{}, unauthenticated(fmt.Sprintf("it is longer than %d characters", maxTokenBytes))
	}
	parsed, err := jwt.ParseSigned(token, algorithms)
	var unexpected *jose.ErrUnexpectedSignatureAlgorithm
	if errors.As(err, &unexpected) {
		return Caller{}, unauthenticated("its algorithm is not allowed")
	}
	if err != nil || len(parsed.Headers) != 1 || hasExtensions(parsed.Headers[0]) {
		return Caller{}, unauthenticated("it is no JSON Web Token that can be verified")
	}
	key, err := t.keys.find(ctx, parsed.Headers[0])
	if err != nil {
		return Caller{}, err
	}
	if public, ok := key.(*rsa.PublicKey); ok && public.N.BitLen() < minRSABits {
		return Caller{}, unauthenticated("its signature is wrong")
	}
	var claims map[string]any
	if err := parsed.Claims(key, &claims); err != nil {
		return Caller{}, unauthenticated("its signature is wrong")
	}
	if problem := t.terms.problem(claims, now); problem != "" {
		return Caller{}, unauthenticated(problem)
	}
	return t.terms.caller(claims), nil
}

// hasExtensions: nothing that a token says must be understood is understood here.
func hasExtensions(header jose.Header) bool {
	_, crit := header.ExtraHeaders["crit"]
	_, b64 := header.ExtraHeaders["b64"]
	return crit || b64
}

var printable = regexp.MustCompile(`^[\x21-\x7e][\x20-\x7e]{0,511}$`)

// problem returns what is wrong with the claims of a token whose signature is good; "" for nothing.
func (t Terms) problem(claims map[string]any, now time.Time) string {
	subject, isText := claims["sub"].(string)
	expires, hasExpiry := claims["exp"].(float64)
	notBefore, hasNotBefore := claims["nbf"]
	switch {
	case claims["iss"] == nil:
		return "it has no iss"
	case claims["iss"] != any(t.Issuer):
		return "its iss is not the expected one"
	case claims["aud"] == nil:
		return "it has no aud"
	case !slices.Contains(texts(claims["aud"]), t.Audience):
		return "its aud is not the expected one"
	case claims["exp"] == nil:
		return "it has no exp"
	case !hasExpiry:
		return "its exp is not the expected one"
	case !timeOf(expires).Add(tolerance).After(now):
		return "it has expired"
	case hasNotBefore && !isPast(notBefore, now):
		return "it is not valid yet"
	case claims["sub"] == nil:
		return "it has no sub"
	case !isText || subject == "":
		return "its sub is not a text, or is empty"
	case !printable.MatchString(subject):
		return "its sub has characters that are not printable ASCII, or too many"
	case strings.Contains(subject, " for "):
		return `its sub has " for ", as the name of another caller has`
	}
	return ""
}

func isPast(claim any, now time.Time) bool {
	seconds, ok := claim.(float64)
	return ok && !timeOf(seconds).After(now.Add(tolerance))
}

func timeOf(seconds float64) time.Time {
	// Beyond what a duration can hold every time is far enough.
	return time.Unix(int64(max(min(seconds, 1<<40), -1<<40)), 0)
}

func (t Terms) caller(claims map[string]any) Caller {
	issuer := strings.TrimPrefix(strings.TrimPrefix(t.Issuer, "https://"), "http://")
	caller := Caller{ID: fmt.Sprintf("%s@%s", claims["sub"], issuer)}
	for _, name := range texts(claim(claims, t.RolesClaim)) {
		if role, ok := roleNames[name]; ok {
			caller.Roles = append(caller.Roles, role)
		}
	}
	if id, ok := claim(claims, t.CustomerClaim).(string); ok && isCustomerID(id) {
		caller.CustomerID = id
	}
	return caller
}

func isCustomerID(id string) bool {
	return utf8.RuneCountInString(id) <= maxCustomerRune && !strings.ContainsFunc(id, unicode.IsControl)
}

// claim finds a claim by its name, which may have dots, or else by a path.
func claim(claims map[string]any, name string) any {
	if value, ok := claims[name]; ok {
		return value
	}
	var value any = claims
	for key := range strings.SplitSeq(name, ".") {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	return value
}

// texts returns a text, or the texts of a list, as a list.
func texts(value any) []string {
	if text, ok := value.(string); ok {
		return []string{text}
	}
	var all []string
	list, _ := value.([]any)
	for _, item := range list {
		if text, ok := item.(string); ok {
			all = append(all, text)
		}
	}
	return all
}
