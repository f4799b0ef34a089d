// Command go-enrichment is a customer and product API for orderflow: the enrichment contract, served from Postgres, with
// its events on Kafka. README.md says how to make it yours.
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
	"strings"
	"sync"
	"syscall"

	"connectrpc.com/connect"
	"github.com/twmb/franz-go/pkg/kgo"
	"orderflow.example/gen/orderflow/enrichment/v1/enrichmentv1connect"
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

// exitConfig is EX_CONFIG of sysexits.h.
const exitConfig = 78

func main() {
	settings, err := config.Load(os.Getenv)
	if err != nil {
		fmt.Fprintf(os.Stderr, "Invalid configuration, please correct the environment:\n%v\n", err)
		os.Exit(exitConfig)
	}
	log := newLogger(settings.LogLevel)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, settings, log); err != nil {
		log.Error("the process ends", "err", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, settings config.Config, log *slog.Logger) error {
	pool, err := postgres.Open(ctx, settings.PostgresURL, settings.Database(), log)
	if err != nil {
		return err
	}
	defer pool.Close()

	kafkaOptions, err := settings.Kafka.Options()
	if err != nil {
		return err
	}
	producer, err := kgo.NewClient(kafkaOptions...)
	if err != nil {
		return err
	}
	defer producer.Close()
	relay := outbox.NewRelay(pool, outbox.NewKafka(producer, settings.TopicPrefix), log)
	counter, err := ordercount.New(kafkaOptions, settings.TopicPrefix, settings.SessionTimeout,
		postgres.NewOrderCounts(pool), log)
	if err != nil {
		return err
	}

	customerService := customers.New(postgres.NewCustomers(pool, relay.Wake))
	productService := products.New(postgres.NewProducts(pool))
	handler, health, err := server.Handler(server.Parts{
		Services: []server.Service{
			{
				Name: enrichmentv1connect.CustomerServiceName,
				Handler: func(options ...connect.HandlerOption) (string, http.Handler) {
					return enrichmentv1connect.NewCustomerServiceHandler(customerService, options...)
				},
			},
			{
				Name: enrichmentv1connect.ProductServiceName,
				Handler: func(options ...connect.HandlerOption) (string, http.Handler) {
					return enrichmentv1connect.NewProductServiceHandler(productService, options...)
				},
			},
		},
		Tokens: tokensOf(settings, log),
		// Kafka is not checked: without it everything can be read and changed, and changes are published later.
		Check:    pool.Ping,
		IsOutage: postgres.IsOutage,
		Log:      log,
	})
	if err != nil {
		return err
	}
	// What runs in the background outlives the server, whose last calls have events, too.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	// It waits briefly, so that the first events find their topic.
	kafka.EnsureTopics(background, &work, producer, log, topics(settings.TopicPrefix)...)
	work.Go(func() { relay.Run(background) })
	work.Go(func() { counter.Run(background) })
	work.Go(func() { postgres.ExpireResponses(background, pool, log) })

	listener, err := net.Listen("tcp", net.JoinHostPort(settings.Host, strconv.Itoa(settings.Port)))
	if err != nil {
		return err
	}
	log.Info("listening on " + listener.Addr().String())
	return server.New(handler, health, log).Serve(ctx, listener, settings.ShutdownGrace)
}

func topics(prefix string) []kafka.Topic {
	return []kafka.Topic{
		{Name: prefix + outbox.CustomerEvents},
		{Name: prefix + ordercount.OrderEvents},
		{Name: prefix + ordercount.DeadLetters, IsForDeadLetters: true},
	}
}

func tokensOf(settings config.Config, log *slog.Logger) *access.Tokens {
	if settings.Auth == nil {
		return nil
	}
	return access.NewTokens(*settings.Auth, access.NewKeys(settings.KeysURL, log))
}

// newLogger writes lines of JSON, as orderflow's services do.
func newLogger(level slog.Level) *slog.Logger {
	lowerLevel := func(_ []string, attribute slog.Attr) slog.Attr {
		if attribute.Key == slog.LevelKey {
			attribute.Value = slog.StringValue(strings.ToLower(attribute.Value.String()))
		}
		return attribute
	}
	return slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: level, ReplaceAttr: lowerLevel}))
}
