// Package ordercount counts the accepted orders of each customer, from topic order-events. It is optional: without it
// order_count is absent from customers, and nothing else changes.
package ordercount

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	ordereventv1 "orderflow.example/gen/orderflow/order/event/v1"
)

const (
	// OrderEvents is the topic that is read, without TOPIC_PREFIX.
	OrderEvents = "order-events"
	// Group is the consumer group, without TOPIC_PREFIX.
	Group = "customers"
	// DeadLetters is the topic of events that cannot be read, without TOPIC_PREFIX.
	DeadLetters = OrderEvents + "." + Group + ".dlq"

	batchSize  = 500
	retryPause = time.Second
	// leaveTimeout is how long the end of the process waits for a broker that does not answer.
	leaveTimeout = 3 * time.Second
)

// Order is an accepted order.
type Order struct {
	ID, CustomerID string
}

// Store keeps the counts.
type Store interface {
	// Count adds one to the count of its customer for each of these orders that was never counted before.
	Count(ctx context.Context, orders []Order) error
}

// Consumer reads order-events.
type Consumer struct {
	client  *kgo.Client
	letters *kgo.Client
	prefix  string
	store   Store
	log     *slog.Logger
}

// New creates it. options are those of a client without a group; prefix is TOPIC_PREFIX.
func New(options []kgo.Opt, prefix string, sessionTimeout time.Duration, store Store, log *slog.Logger,
) (*Consumer, error) {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.ConsumerGroup(prefix + Group),
		kgo.ConsumeTopics(prefix + OrderEvents),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(sessionTimeout),
		kgo.HeartbeatInterval(sessionTimeout / 10),
		kgo.DisableAutoCommit(),
	}, options...)...)
	if err != nil {
		return nil, err
	}
	letters, err := kgo.NewClient(append([]kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)...)
	if err != nil {
		client.Close()
		return nil, err
	}
	return &Consumer{client: client, letters: letters, prefix: prefix, store: store, log: log}, nil
}

// Run counts until ctx ends. It commits offsets after the orders are counted: what comes again after a crash is counted
// already. While Postgres is unavailable it waits.
func (c *Consumer) Run(ctx context.Context) {
	defer c.close()
	isReading := true
	for {
		fetches := c.client.PollRecords(ctx, batchSize)
		if ctx.Err() != nil {
			return
		}
		// Not a line for each try.
		if err := fetches.Err(); err != nil && isReading {
			c.log.Warn("order events cannot be read: orders are counted later; retrying", "err", err)
			isReading = false
		}
		records := fetches.Records()
		if len(records) == 0 {
			continue
		}
		isReading = true
		c.untilDone(ctx, "counting orders failed: they are counted later", func() error { return c.handle(ctx, records) })
		// A commit that is refused, because the partition is another's now, has the other count them again.
		if err := c.client.CommitRecords(ctx, records...); err != nil && ctx.Err() == nil {
			c.log.Warn("offsets were not committed: the events come again", "err", err)
		}
	}
}

// close leaves the group, so that another instance gets the partitions at once.
func (c *Consumer) close() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	// Without it Kafka finds out after the session timeout. Close alone would wait for a broker that does not answer.
	_ = c.client.LeaveGroupContext(ctx)
	c.client.Close()
	c.letters.Close()
}

func (c *Consumer) untilDone(ctx context.Context, problem string, work func() error) {
	for isFirst := true; ctx.Err() == nil; isFirst = false {
		err := work()
		if err == nil {
			return
		}
		if isFirst {
			c.log.Warn(problem+"; retrying", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

func (c *Consumer) handle(ctx context.Context, records []*kgo.Record) error {
	var orders []Order
	var letters []*kgo.Record
	for _, record := range records {
		order, err := read(record)
		switch {
		case err != nil:
			letters = append(letters, c.deadLetter(record, err))
		case order != nil:
			orders = append(orders, *order)
		}
	}
	if err := c.letters.ProduceSync(ctx, letters...).FirstErr(); err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	if len(orders) == 0 {
		return nil
	}
	return c.store.Count(ctx, orders)
}

var orderID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// read returns the order of an OrderAccepted; nil for any other event.
func read(record *kgo.Record) (*Order, error) {
	var event ordereventv1.OrderAccepted
	if headerOf(record, "ce_type") != string(event.ProtoReflect().Descriptor().FullName()) {
		return nil, nil
	}
	if err := proto.Unmarshal(record.Value, &event); err != nil {
		return nil, err
	}
	if !orderID.MatchString(event.OrderId) {
		return nil, errors.New("the event has no valid order id")
	}
	if event.CustomerId == "" || strings.ContainsRune(event.CustomerId, 0) {
		return nil, errors.New("the event has no valid customer id")
	}
	return &Order{ID: event.OrderId, CustomerID: event.CustomerId}, nil
}

// headerOf returns the value of a header, of repeated ones the last.
func headerOf(record *kgo.Record, name string) string {
	value := ""
	for _, header := range record.Headers {
		if header.Key == name {
			value = string(header.Value)
		}
	}
	return value
}
