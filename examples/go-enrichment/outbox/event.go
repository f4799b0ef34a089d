// Package outbox publishes events that were committed together with the changes they are about.
package outbox

import (
	"context"
	"fmt"
	"regexp"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	enrichmenteventv1 "orderflow.example/gen/orderflow/enrichment/event/v1"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
)

const (
	// CustomerEvents is the topic of CustomerUpdated, without TOPIC_PREFIX.
	CustomerEvents = "customer-events"
	// source names the service that writes the events. Give yours a name of its own.
	source = "/orderflow/go-enrichment"
)

// Event is a record for Kafka.
type Event struct {
	// Topic is without TOPIC_PREFIX.
	Topic string
	// Key is what the event is about: events of one key keep their order.
	Key     string
	Value   []byte
	Headers map[string]string
}

// CustomerUpdated returns the event of the version that a customer has got: CloudEvents 1.0, Kafka binary mode. The same
// version always has the same ce_id.
func CustomerUpdated(ctx context.Context, customer *enrichmentv1.Customer) (Event, error) {
	message := &enrichmenteventv1.CustomerUpdated{
		CustomerId: customer.CustomerId,
		Version:    customer.Version,
		UpdateTime: customer.UpdateTime,
	}
	value, err := proto.Marshal(message)
	headers := map[string]string{
		"ce_specversion": "1.0",
		"ce_id":          fmt.Sprintf("%s/%d", customer.CustomerId, customer.Version),
		"ce_type":        string(message.ProtoReflect().Descriptor().FullName()),
		"ce_source":      source,
		"ce_subject":     customer.CustomerId,
		"ce_time":        customer.UpdateTime.AsTime().UTC().Format("2006-01-02T15:04:05.000Z"),
		"content-type":   "application/protobuf",
	}
	if trace := traceOf(ctx); trace != "" {
		headers["traceparent"] = trace
	}
	return Event{Topic: CustomerEvents, Key: customer.CustomerId, Value: value, Headers: headers}, err
}

var traceparent = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// traceOf returns the W3C trace of the call that ctx belongs to; "" without one.
func traceOf(ctx context.Context) string {
	call, ok := connect.CallInfoForHandlerContext(ctx)
	if !ok {
		return ""
	}
	return traceparent.FindString(call.RequestHeader().Get("Traceparent"))
}
