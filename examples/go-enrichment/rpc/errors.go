// Package rpc is what every call passes: limits, validation, errors, logs, metrics and health.
package rpc

import (
	"errors"
	"strings"
	"unicode/utf8"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
)

// Domain is the domain of every google.rpc.ErrorInfo that this service sends.
const Domain = "orderflow"

const (
	// maxMessageBytes keeps an error readable, and small enough for HTTP headers.
	maxMessageBytes = 512
	// maxEchoBytes is how much of a value that the caller has sent an error repeats.
	maxEchoBytes = 64
)

// codes are the codes of all reasons that this service sends. docs/errors.md of orderflow describes each.
var codes = map[string]connect.Code{
	"INVALID_REQUEST":         connect.CodeInvalidArgument,
	"MALFORMED_REQUEST":       connect.CodeInvalidArgument,
	"REQUEST_ID_REUSED":       connect.CodeInvalidArgument,
	"PAGE_TOKEN_INVALID":      connect.CodeInvalidArgument,
	"UNAUTHENTICATED":         connect.CodeUnauthenticated,
	"PERMISSION_DENIED":       connect.CodePermissionDenied,
	"OVERLOADED":              connect.CodeResourceExhausted,
	"SERVICE_UNKNOWN":         connect.CodeNotFound,
	"DEADLINE_EXCEEDED":       connect.CodeDeadlineExceeded,
	"SHUTTING_DOWN":           connect.CodeUnavailable,
	"DEPENDENCY_UNAVAILABLE":  connect.CodeUnavailable,
	"UNIMPLEMENTED":           connect.CodeUnimplemented,
	"INTERNAL":                connect.CodeInternal,
	"VERSION_MISMATCH":        connect.CodeAborted,
	"CUSTOMER_NOT_FOUND":      connect.CodeNotFound,
	"CUSTOMER_ALREADY_EXISTS": connect.CodeAlreadyExists,
	"PRODUCT_NOT_FOUND":       connect.CodeNotFound,
}

// Error makes an error that a caller may see. Programs read its reason, which has one code; people read the message.
// Values of metadata, which callers have chosen, are cut to 64 bytes, there and in the message. Every other error of a
// handler reaches the caller as INTERNAL, without a text. It panics when the reason is not one of orderflow's.
func Error(reason, message string, metadata map[string]string, details ...proto.Message) *connect.Error {
	code, ok := codes[reason]
	if !ok {
		panic("rpc: no code is declared for the reason " + reason)
	}
	short := make(map[string]string, len(metadata))
	for name, value := range metadata {
		short[name] = Echoed(value)
		if short[name] != value {
			message = strings.ReplaceAll(message, value, short[name])
		}
	}
	failure := connect.NewError(code, errors.New(cut(message, maxMessageBytes)))
	info := &errdetails.ErrorInfo{Reason: reason, Domain: Domain, Metadata: short}
	for _, message := range append([]proto.Message{info}, details...) {
		// The only error is that of a message that cannot be encoded, and these are ours.
		if detail, err := connect.NewErrorDetail(message); err == nil {
			failure.AddDetail(detail)
		}
	}
	return failure
}

// Reason returns the reason of an error that Error has made, and "" for any other.
func Reason(err error) string {
	var failure *connect.Error
	if !errors.As(err, &failure) {
		return ""
	}
	for _, detail := range failure.Details() {
		if value, err := detail.Value(); err == nil {
			if info, ok := value.(*errdetails.ErrorInfo); ok && info.Domain == Domain {
				return info.Reason
			}
		}
	}
	return ""
}

// Echoed returns what of a caller's input an error may repeat: at most 64 bytes, cut with "…".
func Echoed(text string) string { return cut(text, maxEchoBytes) }

func cut(text string, maxBytes int) string {
	if len(text) <= maxBytes {
		return text
	}
	end := maxBytes - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
