// Command send sends four orders, as protobuf and as JSON, each with a key and without. Argument:
// what their ids begin with. Environment: KAFKA_BROKERS, ORDERS_TOPIC, COMPRESSION (none, gzip,
// snappy, lz4 or zstd).
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	ordereventv1 "orderflow.example/gen/orderflow/order/event/v1"
)

var compressions = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func main() {
	compression, ok := compressions[cmp.Or(os.Getenv("COMPRESSION"), "none")]
	if !ok || len(os.Args) != 2 {
		log.Fatal("usage: [COMPRESSION=none|gzip|snappy|lz4|zstd] send ID")
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(cmp.Or(os.Getenv("KAFKA_BROKERS"), "localhost:9092"), ",")...),
		kgo.DefaultProduceTopic(cmp.Or(os.Getenv("ORDERS_TOPIC"), "orders")),
		kgo.ProducerBatchCompression(compression),
		kgo.WithLogger(kgo.BasicLogger(os.Stderr, kgo.LogLevelWarn, nil)), // says when there is no broker
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	id := os.Args[1]
	// An order is sent once the broker has acknowledged it: ProduceSync waits for that.
	sent := client.ProduceSync(ctx,
		&kgo.Record{Value: protobuf(id + "-protobuf")},
		&kgo.Record{Value: protobuf(id + "-protobuf-keyed"), Key: []byte(id)},
		&kgo.Record{Value: plainJSON(id + "-json")},
		&kgo.Record{Value: plainJSON(id + "-json-keyed"), Key: []byte(id)},
	)
	if err := sent.FirstErr(); err != nil {
		log.Fatal(err)
	}
}

func protobuf(orderID string) []byte {
	return must(proto.Marshal(&ordereventv1.OrderSubmitted{
		OrderId:    orderID,
		CustomerId: "c-1",
		Lines: []*ordereventv1.SubmittedLine{{
			Reference: &ordereventv1.SubmittedLine_Sku{Sku: "MOUSE001"},
			Quantity:  2,
		}},
	}))
}

func plainJSON(orderID string) []byte {
	return must(json.Marshal(map[string]any{
		"orderId":    orderID,
		"customerId": "c-1",
		"products":   []any{map[string]any{"sku": "MOUSE001", "quantity": 2}},
	}))
}

func must(value []byte, err error) []byte {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
