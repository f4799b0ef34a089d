package main

import (
	"context"
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
)

// fail makes an error as every orderflow service answers it: the reason, from the contracts'
// comments, is what a program reads; the message is for people.
func fail(code connect.Code, reason string, message string, details ...proto.Message) error {
	failure := connect.NewError(code, errors.New(message))
	info := &errdetails.ErrorInfo{Reason: reason, Domain: "orderflow"}
	for _, message := range append([]proto.Message{info}, details...) {
		detail, err := connect.NewErrorDetail(message)
		if err != nil {
			return err
		}
		failure.AddDetail(detail)
	}
	return failure
}

// validateRequests holds every request against the rules in the contracts before a handler sees it.
func validateRequests(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		message, ok := request.Any().(proto.Message)
		if !ok {
			return nil, fmt.Errorf("request %T is not a protobuf message", request.Any())
		}
		err := protovalidate.Validate(message)
		var invalid *protovalidate.ValidationError
		if errors.As(err, &invalid) {
			return nil, fail(connect.CodeInvalidArgument, "INVALID_REQUEST", invalid.Error(), badRequest(invalid))
		}
		if err != nil {
			return nil, err
		}
		return next(ctx, request)
	}
}

func badRequest(invalid *protovalidate.ValidationError) *errdetails.BadRequest {
	answer := new(errdetails.BadRequest)
	for _, violation := range invalid.Violations {
		answer.FieldViolations = append(answer.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field:       protovalidate.FieldPathString(violation.Proto.GetField()),
			Description: violation.Proto.GetMessage(),
			Reason:      violation.Proto.GetRuleId(),
		})
	}
	return answer
}
