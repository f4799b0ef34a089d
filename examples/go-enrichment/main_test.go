package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	enrichmenteventv1 "orderflow.example/gen/orderflow/enrichment/event/v1"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/gen/orderflow/enrichment/v1/enrichmentv1connect"
	ordereventv1 "orderflow.example/gen/orderflow/order/event/v1"
	"orderflow.example/go-enrichment/config"
	"orderflow.example/go-enrichment/postgres"
	"orderflow.example/go-enrichment/rpc"
	"orderflow.example/go-enrichment/storetest"
)

// running is the whole service, on a real Postgres and a real Kafka.
type running struct {
	settings  config.Config
	pool      *pgxpool.Pool
	url       string
	customers enrichmentv1connect.CustomerServiceClient
	products  enrichmentv1connect.ProductServiceClient
}

func start(t *testing.T, brokers string) *running {
	t.Helper()
	prefix := storetest.Prefix(t)
	port := freePort(t)
	env := map[string]string{
		"PORT": port, "POSTGRES_URL": storetest.Env(t, "POSTGRES_URL"), "KAFKA_BROKERS": brokers,
		"DATABASE_PREFIX": prefix, "TOPIC_PREFIX": prefix, "KAFKA_SESSION_TIMEOUT": "6s",
	}
	settings, err := config.Load(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	if brokers == os.Getenv("KAFKA_BROKERS") {
		// After it has stopped: cleanups run in the reverse order.
		t.Cleanup(func() { deleteTopics(t, settings) })
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, settings, storetest.Quiet) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the service has ended: %v", err)
		}
	})
	url := "http://127.0.0.1:" + port
	eventually(t, "it is ready", func() bool {
		response, err := http.Get(url + "/health/ready")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	pool, err := postgres.Open(t.Context(), settings.PostgresURL, settings.Database(), storetest.Quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return &running{
		settings: settings, pool: pool, url: url,
		customers: enrichmentv1connect.NewCustomerServiceClient(h2c(), url, connect.WithGRPC()),
		products:  enrichmentv1connect.NewProductServiceClient(http.DefaultClient, url, connect.WithProtoJSON()),
	}
}

func deleteTopics(t *testing.T, settings config.Config) {
	client, err := kgo.NewClient(kgo.SeedBrokers(settings.Kafka.Brokers...))
	if err != nil {
		t.Error(err)
		return
	}
	defer client.Close()
	var names []string
	for _, topic := range topics(settings.TopicPrefix) {
		names = append(names, topic.Name)
	}
	if _, err := kadm.NewClient(client).DeleteTopics(context.Background(), names...); err != nil {
		t.Error(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// h2c returns a client for gRPC over cleartext HTTP/2.
func h2c() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: protocols}}
}

func TestTheWholeService(t *testing.T) {
	service := start(t, storetest.Env(t, "KAFKA_BROKERS"))
	t.Run("products are read by id and by SKU, as they are in the database", service.readsProducts)
	t.Run("20 equal calls at once create one customer, and one event", service.createsOnce)
	t.Run("concurrent updates are published in the order of their versions", service.publishesInOrder)
	t.Run("accepted orders are counted once, and unreadable events are dead letters", service.countsOrders)
	t.Run("bugs say nothing of their cause", service.hidesErrors)
	t.Run("while Postgres is unavailable it says so, and then works again", service.survivesPostgres)
}

func TestWithoutKafkaItServesAndEventsWait(t *testing.T) {
	service := start(t, "127.0.0.1:1")
	content := &enrichmentv1.CustomerContent{CustomerId: "c-1", Name: "Ada"}
	if _, err := service.customers.PutCustomer(t.Context(), &enrichmentv1.PutCustomerRequest{Customer: content}); err != nil {
		t.Fatal(err)
	}
	var events int
	if err := service.pool.QueryRow(t.Context(), "select count(*) from outbox").Scan(&events); err != nil || events != 1 {
		t.Errorf("%d events wait, %v", events, err)
	}
}

func (s *running) readsProducts(t *testing.T) {
	_, err := s.pool.Exec(t.Context(), `insert into product values
		('p-1', 'LAPTOP001', 'Laptop', '', 129999, 'USD', 'ACTIVE', 1, now()),
		('p-2', 'MOUSE001', 'Mouse', '', 7999, 'USD', 'RETIRED', 1, now())`)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.products.BatchGetProducts(t.Context(), &enrichmentv1.BatchGetProductsRequest{
		ProductIds: []string{"p-1", "p-3", "nul\x00"}, Skus: []string{"MOUSE001", "LAPTOP001", "p-1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(response.Products, func(a, b *enrichmentv1.Product) int {
		return strings.Compare(a.ProductId, b.ProductId)
	})
	if len(response.Products) != 2 || response.Products[0].Price.Units != 1299 ||
		response.Products[0].Price.Nanos != 990_000_000 ||
		response.Products[1].State != enrichmentv1.Product_STATE_RETIRED {
		t.Errorf("products %v", response.Products)
	}
	if !slices.Equal(response.NotFoundProductIds, []string{"p-3", "nul\x00"}) ||
		!slices.Equal(response.NotFoundSkus, []string{"p-1"}) {
		t.Errorf("not found: %q, %q", response.NotFoundProductIds, response.NotFoundSkus)
	}
}

func (s *running) createsOnce(t *testing.T) {
	request := &enrichmentv1.CreateCustomerRequest{
		Customer:  &enrichmentv1.Customer{CustomerId: "c-once", Name: "Ada", Active: true, Version: 99},
		RequestId: "once",
	}
	responses := make([]*enrichmentv1.CreateCustomerResponse, 20)
	var calls sync.WaitGroup
	for i := range responses {
		calls.Go(func() {
			var err error
			if responses[i], err = s.customers.CreateCustomer(t.Context(), request); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	for _, response := range responses {
		if response.GetCustomer().GetVersion() != 1 || !proto.Equal(response, responses[0]) {
			t.Errorf("got %v", response)
		}
	}
	if ids := s.published(t, "c-once", 1); !slices.Equal(ids, []string{"c-once/1"}) {
		t.Errorf("published %v", ids)
	}
	changed := proto.CloneOf(request)
	changed.Customer.Name = "Grace"
	if _, err := s.customers.CreateCustomer(t.Context(), changed); rpc.Reason(err) != "REQUEST_ID_REUSED" {
		t.Errorf("other content: %v", err)
	}
	ctx, call := connect.NewClientContext(t.Context())
	call.RequestHeader().Set("X-Caller-Id", "another")
	if _, err := s.customers.CreateCustomer(ctx, changed); rpc.Reason(err) != "CUSTOMER_ALREADY_EXISTS" {
		t.Errorf("another caller: %v", err)
	}
}

func (s *running) publishesInOrder(t *testing.T) {
	const updates = 20
	var calls sync.WaitGroup
	for i := range updates {
		calls.Go(func() {
			content := &enrichmentv1.CustomerContent{CustomerId: "c-order", Name: fmt.Sprintf("Ada %d", i)}
			if _, err := s.customers.PutCustomer(t.Context(), &enrichmentv1.PutCustomerRequest{Customer: content}); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	var want []string
	for version := range updates {
		want = append(want, fmt.Sprintf("c-order/%d", version+1))
	}
	if ids := s.published(t, "c-order", updates); !slices.Equal(ids, want) {
		t.Errorf("published %v", ids)
	}
}

// published returns the ids of a customer's events on Kafka, once there are so many.
func (s *running) published(t *testing.T, customerID string, count int) (ids []string) {
	t.Helper()
	for _, record := range s.read(t, "customer-events", func(records []*kgo.Record) bool {
		return len(recordsOf(records, customerID)) >= count
	}) {
		if string(record.Key) != customerID {
			continue
		}
		var event enrichmenteventv1.CustomerUpdated
		if err := proto.Unmarshal(record.Value, &event); err != nil || event.CustomerId != customerID {
			t.Errorf("event %v, %v", &event, err)
		}
		for _, header := range record.Headers {
			if header.Key == "ce_id" {
				ids = append(ids, string(header.Value))
			}
		}
	}
	return ids
}

func recordsOf(records []*kgo.Record, key string) []*kgo.Record {
	return slices.DeleteFunc(slices.Clone(records), func(record *kgo.Record) bool { return string(record.Key) != key })
}

// read reads a topic from its beginning until there is enough.
func (s *running) read(t *testing.T, topic string, isEnough func([]*kgo.Record) bool) (records []*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.settings.Kafka.Brokers...),
		kgo.ConsumeTopics(s.settings.TopicPrefix+topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !isEnough(records) {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("topic %s has %d records after 30 s", topic, len(records))
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

func (s *running) countsOrders(t *testing.T) {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.settings.Kafka.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	event := func(name string, message proto.Message) *kgo.Record {
		value, err := proto.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		header := kgo.RecordHeader{Key: "ce_type", Value: []byte("orderflow.order.event.v1." + name)}
		topic := s.settings.TopicPrefix + "order-events"
		return &kgo.Record{Topic: topic, Key: []byte("o"), Value: value, Headers: []kgo.RecordHeader{header}}
	}
	accepted := func(id string) *kgo.Record {
		return event("OrderAccepted", &ordereventv1.OrderAccepted{OrderId: id, CustomerId: "c-once"})
	}
	unreadable := accepted("o-3")
	unreadable.Value = []byte("no protobuf")
	err = client.ProduceSync(t.Context(), accepted("o-1"), unreadable, accepted("o-1"),
		event("OrderCompleted", &ordereventv1.OrderCompleted{OrderId: "o-1", CustomerId: "c-once"}), accepted("o-2")).FirstErr()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "two orders are counted", func() bool {
		response, err := s.customers.GetCustomer(t.Context(), &enrichmentv1.GetCustomerRequest{CustomerId: "c-once"})
		return err == nil && response.Customer.OrderCount != nil && *response.Customer.OrderCount == 2
	})
	letters := s.read(t, "order-events.customers.dlq", func(records []*kgo.Record) bool { return len(records) > 0 })
	if !bytes.Equal(letters[0].Value, unreadable.Value) {
		t.Errorf("dead letter %q", letters[0].Value)
	}
}

func (s *running) hidesErrors(t *testing.T) {
	get := func() error {
		_, err := s.customers.GetCustomer(t.Context(), &enrichmentv1.GetCustomerRequest{CustomerId: "c-once"})
		return err
	}
	rename := func(from, to string) {
		if _, err := s.pool.Exec(t.Context(), "alter table "+from+" rename to "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("customer", "customer_gone")
	err := get()
	rename("customer_gone", "customer")
	if rpc.Reason(err) != "INTERNAL" || err.Error() != "internal" && err.Error() != "internal: " {
		t.Errorf("got %v", err)
	}
	if err := get(); err != nil {
		t.Error(err)
	}
}

func (s *running) survivesPostgres(t *testing.T) {
	ctx := t.Context()
	admin, err := pgx.Connect(ctx, s.settings.PostgresURL+"/postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(ctx)
	allow := func(isAllowed bool) {
		if _, err := admin.Exec(ctx, fmt.Sprintf("alter database %s allow_connections %t", s.settings.Database(), isAllowed)); err != nil {
			t.Fatal(err)
		}
	}
	allow(false)
	if _, err := admin.Exec(ctx, "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", s.settings.Database()); err != nil {
		t.Fatal(err)
	}
	get := func() error {
		_, err := s.customers.GetCustomer(ctx, &enrichmentv1.GetCustomerRequest{CustomerId: "c-once"})
		return err
	}
	for range 5 {
		if err := get(); rpc.Reason(err) != "DEPENDENCY_UNAVAILABLE" {
			t.Errorf("got %v", err)
		}
	}
	eventually(t, "it is not ready", func() bool { return s.readiness(t) == http.StatusServiceUnavailable })
	allow(true)
	eventually(t, "it works again", func() bool { return get() == nil && s.readiness(t) == http.StatusOK })
}

func (s *running) readiness(t *testing.T) int {
	t.Helper()
	response, err := http.Get(s.url + "/health/ready")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func eventually(t *testing.T, what string, isTrue func() bool) {
	t.Helper()
	for began := time.Now(); !isTrue(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}
