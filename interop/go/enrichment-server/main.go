// Command enrichment-server is a customer and product API with its data in memory: the contracts
// of orderflow, served by another language. It speaks Connect, gRPC and gRPC-Web on one port, over
// HTTP/1.1 and cleartext HTTP/2. Environment: PORT (default 8005; 0 takes a free one).
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc/health/grpc_health_v1"
	"orderflow.example/gen/orderflow/enrichment/v1/enrichmentv1connect"
)

// maxMessageBytes is far above the largest valid request: 200 ids of 256 characters.
const maxMessageBytes = 4 << 20

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8005"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return fmt.Errorf("PORT %s cannot be used: %w", port, err)
	}

	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler:           newHandler(time.Now()),
		Protocols:         protocols,
		ReadHeaderTimeout: 5 * time.Second,
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Printf("listening on %s\n", listener.Addr())

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return err
}

// newHandler routes the three services; now is the time at which the seed data was created.
func newHandler(now time.Time) http.Handler {
	options := []connect.HandlerOption{
		connect.WithInterceptors(connect.UnaryInterceptorFunc(validateRequests)),
		connect.WithReadMaxBytes(maxMessageBytes),
	}
	mux := http.NewServeMux()
	mux.Handle(enrichmentv1connect.NewCustomerServiceHandler(newCustomers(now), options...))
	mux.Handle(enrichmentv1connect.NewProductServiceHandler(newProducts(now), options...))
	// Only Check: nothing here ever stops serving, so there is nothing to watch.
	mux.Handle(grpc_health_v1.Health_Check_FullMethodName, connect.NewUnaryHandlerSimple(
		grpc_health_v1.Health_Check_FullMethodName,
		checkHealth,
		options...,
	))
	return mux
}

func checkHealth(
	_ context.Context, request *grpc_health_v1.HealthCheckRequest,
) (*grpc_health_v1.HealthCheckResponse, error) {
	switch request.Service {
	case "", enrichmentv1connect.CustomerServiceName, enrichmentv1connect.ProductServiceName:
		return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
	}
	return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("no service %q here", request.Service))
}
