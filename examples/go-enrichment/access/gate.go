package access

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	accessv1 "orderflow.example/gen/orderflow/access/v1"
	"orderflow.example/go-enrichment/rpc"
)

var bearer = regexp.MustCompile(`^(?i:bearer) +(\S+) *$`)

// Gate lets calls pass that their contract allows.
type Gate struct {
	rules  map[string]rule
	tokens *Tokens
	errors *connect.ErrorWriter
	log    *slog.Logger
}

// NewGate creates the gate of these services. Without tokens everybody may call everything. It fails when a contract
// does not say who may call a method.
func NewGate(tokens *Tokens, log *slog.Logger, services ...string) (*Gate, error) {
	rules, err := readRules(services)
	if err != nil {
		return nil, err
	}
	return &Gate{rules: rules, tokens: tokens, errors: connect.NewErrorWriter(), log: log}, nil
}

// Wrap verifies the token of a call before a byte of its body is read.
func (g *Gate) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rule, ok := g.rules[r.URL.Path]
		if !ok || rule.public || g.tokens == nil {
			next.ServeHTTP(w, r)
			return
		}
		ctx, err := g.admit(r, rule)
		if err != nil {
			_ = g.errors.Write(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

type ownKey struct{}

func (g *Gate) admit(r *http.Request, rule rule) (context.Context, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, challenge(rpc.Error("UNAUTHENTICATED",
			"this method needs a token: send it with authorization: Bearer …", nil), "Bearer")
	}
	match := bearer.FindStringSubmatch(header)
	if match == nil {
		return nil, unauthenticated("the header authorization is not Bearer and one token")
	}
	caller, err := g.tokens.Read(r.Context(), match[1], time.Now())
	if err != nil {
		return nil, err
	}
	id := caller.ID
	if slices.Contains(caller.Roles, accessv1.Role_ROLE_SERVICE) {
		stated, err := rpc.StatedCaller(r.Header)
		if err != nil {
			return nil, err
		}
		if stated != "" {
			id += " for " + stated
		}
	}
	if !slices.ContainsFunc(caller.Roles, func(role accessv1.Role) bool { return slices.Contains(rule.roles, role) }) {
		return nil, rpc.Error("PERMISSION_DENIED", rule.method+" needs the role "+rule.roleNames(),
			map[string]string{"method": rule.method})
	}
	ctx := rpc.WithCaller(r.Context(), id)
	if caller.isOnlyCustomer() {
		if caller.CustomerID == "" {
			return nil, unauthenticated("it has no id of a customer")
		}
		ctx = context.WithValue(ctx, ownKey{}, caller.CustomerID)
	}
	g.log.Debug("call admitted", "rpc", r.URL.Path, "caller", id)
	return ctx, nil
}

// LimitToOwn limits the request of a customer to what is its own: an empty id becomes the customer's, that of another
// is PERMISSION_DENIED. It is an interceptor, because it needs the request.
func (g *Gate) LimitToOwn(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		own, limited := ctx.Value(ownKey{}).(string)
		rule := g.rules[request.Spec().Procedure]
		message, isProto := request.Any().(proto.Message)
		if !limited || rule.customerField == "" || !isProto {
			return next(ctx, request)
		}
		reflected := message.ProtoReflect()
		field := reflected.Descriptor().Fields().ByName(rule.customerField)
		switch given := reflected.Get(field).String(); given {
		case own:
		case "":
			reflected.Set(field, protoreflect.ValueOfString(own))
		default:
			name := string(rule.customerField)
			return nil, rpc.Error("PERMISSION_DENIED", name+" is not yours: leave it out, or send "+own,
				map[string]string{name: given})
		}
		return next(ctx, request)
	}
}

// unauthenticated makes the error for a token that is missing, or is not good.
func unauthenticated(problem string) error {
	return challenge(rpc.Error("UNAUTHENTICATED", "the token is not accepted: "+problem, nil),
		`Bearer error="invalid_token"`)
}

func challenge(failure *connect.Error, value string) error {
	failure.Meta().Set("WWW-Authenticate", value)
	return failure
}
