package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	gatewayv1 "orderflow.example/gen/orderflow/gateway/v1"
	inventoryv1 "orderflow.example/gen/orderflow/inventory/v1"
	notificationv1 "orderflow.example/gen/orderflow/notification/v1"
	orderv1 "orderflow.example/gen/orderflow/order/v1"
	paymentv1 "orderflow.example/gen/orderflow/payment/v1"
	testingv1 "orderflow.example/gen/orderflow/testing/v1"
)

// grpcClients makes the generated client of each service, on a connection.
var grpcClients = map[string]func(grpc.ClientConnInterface) any{
	enrichmentv1.CustomerService_ServiceDesc.ServiceName:       ofGrpc(enrichmentv1.NewCustomerServiceClient),
	enrichmentv1.ProductService_ServiceDesc.ServiceName:        ofGrpc(enrichmentv1.NewProductServiceClient),
	gatewayv1.GatewayService_ServiceDesc.ServiceName:           ofGrpc(gatewayv1.NewGatewayServiceClient),
	grpc_health_v1.Health_ServiceDesc.ServiceName:              ofGrpc(grpc_health_v1.NewHealthClient),
	inventoryv1.InventoryService_ServiceDesc.ServiceName:       ofGrpc(inventoryv1.NewInventoryServiceClient),
	notificationv1.NotificationService_ServiceDesc.ServiceName: ofGrpc(notificationv1.NewNotificationServiceClient),
	orderv1.CatalogService_ServiceDesc.ServiceName:             ofGrpc(orderv1.NewCatalogServiceClient),
	orderv1.OrderService_ServiceDesc.ServiceName:               ofGrpc(orderv1.NewOrderServiceClient),
	paymentv1.PaymentService_ServiceDesc.ServiceName:           ofGrpc(paymentv1.NewPaymentServiceClient),
	testingv1.FaultService_ServiceDesc.ServiceName:             ofGrpc(testingv1.NewFaultServiceClient),
}

func ofGrpc[Client any](create func(grpc.ClientConnInterface) Client) func(grpc.ClientConnInterface) any {
	return func(connection grpc.ClientConnInterface) any { return create(connection) }
}

// connections has one connection to each server, which all calls share, as gRPC means it.
var connections sync.Map

func connectionTo(url string) (*grpc.ClientConn, error) {
	if connection, ok := connections.Load(url); ok {
		return connection.(*grpc.ClientConn), nil
	}
	// It connects with the first call, so one that another goroutine was faster with costs nothing.
	connection, err := grpc.NewClient(
		strings.TrimPrefix(url, "http://"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
	)
	if err != nil {
		return nil, err
	}
	shared, _ := connections.LoadOrStore(url, connection)
	return shared.(*grpc.ClientConn), nil
}

// callGrpc speaks gRPC over cleartext HTTP/2.
func callGrpc(ctx context.Context, request *request, received func(count int)) (*outcome, error) {
	create := grpcClients[request.Service]
	if create == nil {
		return nil, fmt.Errorf("there is no client of %s", request.Service)
	}
	connection, err := connectionTo(request.URL)
	if err != nil {
		return nil, err
	}
	for name, value := range request.Headers {
		ctx = metadata.AppendToOutgoingContext(ctx, name, value)
	}
	var headers, trailers metadata.MD
	client := create(connection)
	result, failure, err := invoke(ctx, client, request, grpc.Header(&headers), grpc.Trailer(&trailers))
	if err != nil {
		return nil, err
	}
	ended := new(outcome)
	if _, isStream := result.Interface().(grpc.ClientStream); isStream && failure == nil {
		failure = ended.receiveAll(result, received)
	} else if failure == nil {
		ended.messages = append(ended.messages, result.Interface().(proto.Message))
	}
	ended.headers, ended.trailers = joined(encoded(headers)), joined(encoded(trailers))
	if failure != nil {
		described := status.Convert(failure)
		ended.code, ended.message = connect.Code(described.Code()), described.Message()
		ended.details = described.Proto().GetDetails()
	}
	return ended, nil
}

// receiveAll reads a stream to its end; Recv returns messages of the stream's own type.
func (ended *outcome) receiveAll(stream reflect.Value, received func(count int)) error {
	for receive := stream.MethodByName("Recv"); ; {
		results := receive.Call(nil)
		failure, _ := results[1].Interface().(error)
		if errors.Is(failure, io.EOF) {
			return nil
		}
		if failure != nil {
			return failure
		}
		ended.messages = append(ended.messages, results[0].Interface().(proto.Message))
		received(len(ended.messages))
	}
}

// encoded makes text of binary values, as they are sent.
func encoded(values metadata.MD) metadata.MD {
	for name, all := range values {
		for at := range all {
			if strings.HasSuffix(name, "-bin") {
				all[at] = base64.RawStdEncoding.EncodeToString([]byte(all[at]))
			}
		}
	}
	return values
}
