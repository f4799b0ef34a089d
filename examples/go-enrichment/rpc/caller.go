package rpc

import (
	"context"
	"regexp"

	"connectrpc.com/connect"
)

// callerHeader is the header in which a caller names itself, and a service whom it calls for.
const callerHeader = "X-Caller-Id"

var callerID = regexp.MustCompile(`^[\x20-\x7e]{1,128}$`)

type callerKey struct{}

// WithCaller returns a context with the caller that a token has proved.
func WithCaller(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, callerKey{}, id)
}

// CallerID returns to whom a request_id belongs: the caller of the token; where none is required, the one that the
// header x-caller-id names; "anonymous" without it. A header that is not 1 to 128 printable ASCII characters is
// INVALID_REQUEST.
func CallerID(ctx context.Context) (string, error) {
	if id, ok := ctx.Value(callerKey{}).(string); ok {
		return id, nil
	}
	call, ok := connect.CallInfoForHandlerContext(ctx)
	if !ok {
		return "anonymous", nil
	}
	stated, err := StatedCaller(call.RequestHeader())
	if stated == "" {
		stated = "anonymous"
	}
	return stated, err
}

// StatedCaller returns the header x-caller-id, which proves nothing; "" when it is absent.
func StatedCaller(headers interface{ Get(string) string }) (string, error) {
	value := headers.Get(callerHeader)
	if value == "" || callerID.MatchString(value) {
		return value, nil
	}
	return "", InvalidField("x-caller-id", "must be at most 128 printable ASCII characters", "header.caller_id")
}
