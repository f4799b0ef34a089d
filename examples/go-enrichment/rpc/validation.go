package rpc

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
)

const (
	// maxViolations is more than a caller corrects at once; the others are only counted.
	maxViolations = 50
	// maxViolationBytes keeps an error below the 8 KiB of headers that common gRPC clients accept: it is encoded in base64.
	maxViolationBytes = 4 << 10
)

// ValidateRequests checks every request against the rules in its contract before the handler sees it. What breaks one
// is INVALID_REQUEST, with the first violations, 50 at most, and the number of all.
func ValidateRequests(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		message, ok := request.Any().(proto.Message)
		if !ok {
			return nil, fmt.Errorf("request %T is not a protobuf message", request.Any())
		}
		err := protovalidate.Validate(message)
		var invalid *protovalidate.ValidationError
		if errors.As(err, &invalid) {
			return nil, violated(invalid)
		}
		if err != nil {
			return nil, err
		}
		return next(ctx, request)
	}
}

func violated(invalid *protovalidate.ValidationError) error {
	count := len(invalid.Violations)
	var fields []*errdetails.BadRequest_FieldViolation
	bytes := 0
	for _, violation := range invalid.Violations[:min(count, maxViolations)] {
		field := &errdetails.BadRequest_FieldViolation{
			Field:       Echoed(protovalidate.FieldPathString(violation.Proto.GetField())),
			Description: cut(violation.Proto.GetMessage(), maxMessageBytes),
			Reason:      violation.Proto.GetRuleId(),
		}
		if bytes += proto.Size(field); bytes > maxViolationBytes {
			break
		}
		fields = append(fields, field)
	}
	return invalidRequest(fields, count)
}

// InvalidField makes an INVALID_REQUEST about one field, for a rule that the contract cannot express.
func InvalidField(field, description, rule string) error {
	violation := &errdetails.BadRequest_FieldViolation{Field: field, Description: description, Reason: rule}
	return invalidRequest([]*errdetails.BadRequest_FieldViolation{violation}, 1)
}

func invalidRequest(fields []*errdetails.BadRequest_FieldViolation, count int) error {
	message := fields[0].Description
	if fields[0].Field != "" {
		message = fields[0].Field + ": " + message
	}
	if count > 1 {
		message += fmt.Sprintf(" (and %d more)", count-1)
	}
	metadata := map[string]string{"violations": strconv.Itoa(count)}
	return Error("INVALID_REQUEST", message, metadata, &errdetails.BadRequest{FieldViolations: fields})
}

// Storable checks that Postgres can store a text: the contract allows a NUL character in it, Postgres does not.
func Storable(field, text string) error {
	if strings.ContainsRune(text, 0) {
		return InvalidField(field, "has a NUL character: leave it out", "string.storable")
	}
	return nil
}
