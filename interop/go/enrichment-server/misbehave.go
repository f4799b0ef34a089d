package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"path"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/reflect/protoreflect"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	testingv1 "orderflow.example/gen/orderflow/testing/v1"
	"orderflow.example/go-enrichment/rpc"
)

// misbehave is the innermost interceptor: it counts calls, and applies faults before a call has any effect, or after it
// where the fault says so.
func (f *faults) misbehave(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		method := path.Base(request.Spec().Procedure)
		fault := f.countAndFind(method, requestedIDs(request.Any()))
		if fault == nil {
			return next(ctx, request)
		}
		carryOut := func() (connect.AnyResponse, error) {
			if fault.Kind == testingv1.Fault_KIND_TWICE {
				if _, err := next(ctx, request); err != nil {
					return nil, err
				}
			}
			return next(ctx, request)
		}
		var early connect.AnyResponse
		if fault.AfterEffect {
			var err error
			if early, err = carryOut(); err != nil {
				return nil, err
			}
		}
		if err := f.fail(ctx, fault, request.Peer().Addr); err != nil {
			return nil, err
		}
		response := early
		if response == nil {
			var err error
			if response, err = carryOut(); err != nil {
				return nil, err
			}
		}
		corrupt(response.Any(), fault)
		return response, nil
	}
}

// fail delays a call as its fault says, and returns the error with which it ends, if any.
func (f *faults) fail(ctx context.Context, fault *testingv1.Fault, address string) error {
	least, most := latencies(fault)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(least + time.Duration(rand.Float64()*float64(most-least))):
	}
	switch {
	case rand.Float64() < fault.ErrorRate:
		failure := connect.NewError(connect.Code(fault.ErrorCode), errors.New("an injected fault"))
		info := &errdetails.ErrorInfo{
			Reason: "FAULT_INJECTED", Domain: rpc.Domain, Metadata: map[string]string{"method": fault.Method},
		}
		detail, err := connect.NewErrorDetail(info)
		if err != nil {
			return err
		}
		failure.AddDetail(detail)
		return failure
	case fault.Kind == testingv1.Fault_KIND_REFUSE:
		f.connections.cut(address)
		return rpc.Error("DEPENDENCY_UNAVAILABLE", "refused by an injected fault", nil)
	case fault.Kind == testingv1.Fault_KIND_HANG:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// requestedIDs returns the customer ids, product ids and SKUs of a request; none for lists.
func requestedIDs(message any) []string {
	switch request := message.(type) {
	case *enrichmentv1.GetCustomerRequest:
		return []string{request.CustomerId}
	case *enrichmentv1.BatchGetCustomersRequest:
		return request.CustomerIds
	case *enrichmentv1.CreateCustomerRequest:
		return []string{request.Customer.CustomerId}
	case *enrichmentv1.UpdateCustomerRequest:
		return []string{request.Customer.CustomerId}
	case *enrichmentv1.PutCustomerRequest:
		return []string{request.Customer.CustomerId}
	case *enrichmentv1.GetProductRequest:
		return []string{request.GetProductId() + request.GetSku()}
	case *enrichmentv1.BatchGetProductsRequest:
		return append(append([]string(nil), request.ProductIds...), request.Skus...)
	}
	return nil
}

func methodNames(files ...protoreflect.FileDescriptor) []string {
	var names []string
	for _, file := range files {
		for i := range file.Services().Len() {
			declared := file.Services().Get(i).Methods()
			for j := range declared.Len() {
				names = append(names, string(declared.Get(j).Name()))
			}
		}
	}
	return names
}
