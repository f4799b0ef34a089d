package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"orderflow.example/gen/orderflow/enrichment/v1/enrichmentv1connect"
	"orderflow.example/gen/orderflow/gateway/v1/gatewayv1connect"
	"orderflow.example/gen/orderflow/inventory/v1/inventoryv1connect"
	"orderflow.example/gen/orderflow/notification/v1/notificationv1connect"
	"orderflow.example/gen/orderflow/order/v1/orderv1connect"
	"orderflow.example/gen/orderflow/payment/v1/paymentv1connect"
	"orderflow.example/gen/orderflow/testing/v1/testingv1connect"
)

// connectClients makes the generated client of each service, for the server at a URL.
var connectClients = map[string]func(url string) any{
	enrichmentv1connect.CustomerServiceName:       ofConnect(enrichmentv1connect.NewCustomerServiceClient),
	enrichmentv1connect.ProductServiceName:        ofConnect(enrichmentv1connect.NewProductServiceClient),
	gatewayv1connect.GatewayServiceName:           ofConnect(gatewayv1connect.NewGatewayServiceClient),
	inventoryv1connect.InventoryServiceName:       ofConnect(inventoryv1connect.NewInventoryServiceClient),
	notificationv1connect.NotificationServiceName: ofConnect(notificationv1connect.NewNotificationServiceClient),
	orderv1connect.CatalogServiceName:             ofConnect(orderv1connect.NewCatalogServiceClient),
	orderv1connect.OrderServiceName:               ofConnect(orderv1connect.NewOrderServiceClient),
	paymentv1connect.PaymentServiceName:           ofConnect(paymentv1connect.NewPaymentServiceClient),
	testingv1connect.FaultServiceName:             ofConnect(testingv1connect.NewFaultServiceClient),
}

func ofConnect[Client any](
	create func(connect.HTTPClient, string, ...connect.ClientOption) Client,
) func(url string) any {
	return func(url string) any { return create(http.DefaultClient, url) }
}

// connectStream is what the streams of all types have; Msg, which they also have, is not of one type.
type connectStream interface {
	Receive() bool
	Err() error
	Close() error
}

// callConnect speaks the Connect protocol over HTTP/1.1, connect-go's default without TLS.
func callConnect(ctx context.Context, request *request, received func(count int)) (*outcome, error) {
	create := connectClients[request.Service]
	if create == nil {
		return nil, fmt.Errorf("there is no client of %s", request.Service)
	}
	ctx, info := connect.NewClientContext(ctx)
	for name, value := range request.Headers {
		info.RequestHeader().Set(name, value)
	}
	result, failure, err := invoke(ctx, create(request.URL), request)
	if err != nil {
		return nil, err
	}
	ended := new(outcome)
	if stream, ok := result.Interface().(connectStream); ok && failure == nil {
		for stream.Receive() {
			message := result.MethodByName("Msg").Call(nil)[0].Interface().(proto.Message)
			ended.messages = append(ended.messages, message)
			received(len(ended.messages))
		}
		failure = stream.Err()
		_ = stream.Close()
	} else if failure == nil {
		ended.messages = append(ended.messages, result.Interface().(proto.Message))
	}
	ended.headers = joined(info.ResponseHeader())
	ended.trailers = joined(info.ResponseTrailer())
	if failure != nil {
		ended.describe(failure)
	}
	return ended, nil
}

func (ended *outcome) describe(failure error) {
	ended.code = connect.CodeOf(failure)
	ended.message = failure.Error()
	var described *connect.Error
	if !errors.As(failure, &described) {
		return
	}
	ended.message = described.Message()
	for _, detail := range described.Details() {
		ended.details = append(ended.details, &anypb.Any{
			TypeUrl: "type.googleapis.com/" + detail.Type(),
			Value:   detail.Bytes(),
		})
	}
}
