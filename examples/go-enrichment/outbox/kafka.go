package outbox

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Kafka implements Publisher.
type Kafka struct {
	client      *kgo.Client
	topicPrefix string
}

var _ Publisher = (*Kafka)(nil)

// NewKafka creates it. The client must wait for all in-sync replicas, as kgo does unless told otherwise, and choose
// partitions by the key as Kafka's own clients do, which is kgo's default as well.
func NewKafka(client *kgo.Client, topicPrefix string) *Kafka {
	return &Kafka{client: client, topicPrefix: topicPrefix}
}

// Publish implements Publisher.
func (k *Kafka) Publish(ctx context.Context, events []Event) error {
	records := make([]*kgo.Record, len(events))
	for i, event := range events {
		records[i] = &kgo.Record{Topic: k.topicPrefix + event.Topic, Key: []byte(event.Key), Value: event.Value}
		for _, name := range slices.Sorted(maps.Keys(event.Headers)) {
			header := kgo.RecordHeader{Key: name, Value: []byte(event.Headers[name])}
			records[i].Headers = append(records[i].Headers, header)
		}
	}
	return k.client.ProduceSync(ctx, records...).FirstErr()
}
