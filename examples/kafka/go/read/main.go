// Command read prints the events of orders, one JSON object a line, until it is interrupted.
// Environment: KAFKA_BROKERS, EVENTS_TOPIC, GROUP.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	_ "orderflow.example/gen/orderflow/order/event/v1" // the types of events
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt does not wait for Close
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(cmp.Or(os.Getenv("KAFKA_BROKERS"), "localhost:9092"), ",")...),
		kgo.ConsumeTopics(cmp.Or(os.Getenv("EVENTS_TOPIC"), "order-events")),
		kgo.ConsumerGroup(cmp.Or(os.Getenv("GROUP"), "example-go")),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.WithLogger(kgo.BasicLogger(os.Stderr, kgo.LogLevelWarn, nil)), // says when there is no broker
	)
	if err != nil {
		log.Fatal(err)
	}
	// By default a poll, and Close, commit what earlier polls returned: an event may come twice then, with
	// the same id, but none is lost.
	defer client.Close()
	lines := json.NewEncoder(os.Stdout)
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		fetches.EachError(func(topic string, partition int32, err error) {
			if !errors.Is(err, context.Canceled) {
				log.Printf("%s-%d: %v", topic, partition, err) // the library tries again
			}
		})
		fetches.EachRecord(func(record *kgo.Record) {
			event, err := eventOf(record)
			if err != nil {
				log.Printf("skipped what is no event, %s-%d@%d: %v", record.Topic, record.Partition, record.Offset, err)
			} else if event != nil {
				if err := lines.Encode(event); err != nil {
					log.Fatal(err) // without Close, which would commit what was not written
				}
			}
		})
	}
}

// eventOf returns the event of a record, or nil if its type is not known here: later versions of
// orderflow add events.
func eventOf(record *kgo.Record) (map[string]any, error) {
	headers := map[string]string{}
	for _, header := range record.Headers {
		headers[header.Key] = string(header.Value)
	}
	if headers["ce_type"] == "" || headers["ce_id"] == "" {
		return nil, errors.New("it has no header ce_type, or no ce_id")
	}
	if record.Value == nil {
		return nil, errors.New("it has no value")
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(headers["ce_type"]))
	if errors.Is(err, protoregistry.NotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	event := kind.New().Interface()
	if err := proto.Unmarshal(record.Value, event); err != nil {
		return nil, err
	}
	text, err := protojson.Marshal(event)
	return map[string]any{
		"id":    headers["ce_id"],
		"type":  headers["ce_type"],
		"event": json.RawMessage(text),
	}, err
}
