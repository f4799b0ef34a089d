// Command enrichment-server is the template of examples/go-enrichment, with the customers and products that the
// enrichment stub has, and with FaultService: tests of orderflow run against it with no change but its address.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"connectrpc.com/connect"
	"github.com/twmb/franz-go/pkg/kgo"
	"orderflow.example/gen/orderflow/enrichment/v1/enrichmentv1connect"
	"orderflow.example/gen/orderflow/testing/v1/testingv1connect"
	"orderflow.example/go-enrichment/access"
	"orderflow.example/go-enrichment/config"
	"orderflow.example/go-enrichment/customers"
	"orderflow.example/go-enrichment/kafka"
	"orderflow.example/go-enrichment/ordercount"
	"orderflow.example/go-enrichment/outbox"
	"orderflow.example/go-enrichment/postgres"
	"orderflow.example/go-enrichment/products"
	"orderflow.example/go-enrichment/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run is run of the template's main.go, with seeds, faults and a crash point.
func run(ctx context.Context) error {
	settings, err := config.Load(os.Getenv)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: settings.LogLevel}))
	pool, err := postgres.Open(ctx, settings.PostgresURL, settings.Database(), log)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := seed(ctx, pool); err != nil {
		return err
	}

	kafkaOptions, err := settings.Kafka.Options()
	if err != nil {
		return err
	}
	producer, err := kgo.NewClient(kafkaOptions...)
	if err != nil {
		return err
	}
	defer producer.Close()
	relay := outbox.NewRelay(pool, crashAfterAck{outbox.NewKafka(producer, settings.TopicPrefix)}, log)
	counter, err := ordercount.New(kafkaOptions, settings.TopicPrefix, settings.SessionTimeout,
		postgres.NewOrderCounts(pool), log)
	if err != nil {
		return err
	}

	var tokens *access.Tokens
	if settings.Auth != nil {
		tokens = access.NewTokens(*settings.Auth, access.NewKeys(settings.KeysURL, log))
	}
	connections := newConnections()
	faults := newFaults(connections)
	misbehave := connect.WithInterceptors(connect.UnaryInterceptorFunc(faults.misbehave))
	customerService := customers.New(postgres.NewCustomers(pool, relay.Wake))
	productService := products.New(postgres.NewProducts(pool))
	handler, health, err := server.Handler(server.Parts{
		Services: []server.Service{
			{
				Name: enrichmentv1connect.CustomerServiceName,
				Handler: func(options ...connect.HandlerOption) (string, http.Handler) {
					return enrichmentv1connect.NewCustomerServiceHandler(customerService, append(options, misbehave)...)
				},
			},
			{
				Name: enrichmentv1connect.ProductServiceName,
				Handler: func(options ...connect.HandlerOption) (string, http.Handler) {
					return enrichmentv1connect.NewProductServiceHandler(productService, append(options, misbehave)...)
				},
			},
			{
				Name: testingv1connect.FaultServiceName,
				Handler: func(options ...connect.HandlerOption) (string, http.Handler) {
					return testingv1connect.NewFaultServiceHandler(faults, options...)
				},
			},
		},
		Tokens:   tokens,
		Check:    pool.Ping,
		IsOutage: postgres.IsOutage,
		Log:      log,
	})
	if err != nil {
		return err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	kafka.EnsureTopics(background, &work, producer, log,
		kafka.Topic{Name: settings.TopicPrefix + outbox.CustomerEvents},
		kafka.Topic{Name: settings.TopicPrefix + ordercount.OrderEvents},
		kafka.Topic{Name: settings.TopicPrefix + ordercount.DeadLetters, IsForDeadLetters: true})
	work.Go(func() { relay.Run(background) })
	work.Go(func() { counter.Run(background) })

	listener, err := net.Listen("tcp", net.JoinHostPort(settings.Host, strconv.Itoa(settings.Port)))
	if err != nil {
		return err
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	return server.New(handler, health, log).
		Serve(ctx, connections.track(listener), settings.ShutdownGrace)
}
