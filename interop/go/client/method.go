package main

import (
	"context"
	"fmt"
	"reflect"

	"google.golang.org/protobuf/proto"
)

// invoke calls a method of a generated client by its name, so that no RPC needs code here: every
// one takes a context, its request and perhaps options, and returns its response, or a stream of
// responses, and an error. broken: there is no such call to make.
func invoke(
	ctx context.Context, client any, request *request, options ...any,
) (result reflect.Value, failure error, broken error) {
	method := reflect.ValueOf(client).MethodByName(request.Method)
	if !method.IsValid() {
		return result, nil, fmt.Errorf("%s has no method %s", request.Service, request.Method)
	}
	message, ok := reflect.New(method.Type().In(1).Elem()).Interface().(proto.Message)
	if !ok {
		return result, nil, fmt.Errorf("%s.%s does not take a message", request.Service, request.Method)
	}
	if err := parse(request, message); err != nil {
		return result, nil, err
	}
	arguments := []reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(message)}
	for _, option := range options {
		arguments = append(arguments, reflect.ValueOf(option))
	}
	results := method.Call(arguments)
	failure, _ = results[1].Interface().(error)
	return results[0], failure, nil
}
