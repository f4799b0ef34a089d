package kafka

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	partitions      = 3
	maxRecordBytes  = 1 << 20
	retryPause      = 5 * time.Second
	maxWait         = 3 * time.Second
	eventsKept      = 30 * 24 * time.Hour
	deadLetterExtra = 64 << 10
)

// Topic is a topic that this service needs.
type Topic struct {
	// Name is with TOPIC_PREFIX.
	Name string
	// IsForDeadLetters: its records are kept for ever, and may be larger than others by the headers that say why.
	IsForDeadLetters bool
}

// EnsureTopics creates the topics that do not exist; existing ones are left unchanged. It returns when they exist, or
// after 3 s, and goes on in the background until ctx ends, because a service is useful without Kafka.
func EnsureTopics(
	ctx context.Context, work *sync.WaitGroup, client *kgo.Client, log *slog.Logger, topics ...Topic,
) {
	done := make(chan struct{})
	work.Go(func() {
		defer close(done)
		untilCreated(ctx, client, log, topics)
	})
	select {
	case <-done:
	case <-time.After(maxWait):
	}
}

func untilCreated(ctx context.Context, client *kgo.Client, log *slog.Logger, topics []Topic) {
	for ctx.Err() == nil {
		err := createTopics(ctx, kadm.NewClient(client), topics)
		if err == nil {
			// Otherwise the first event would wait for it.
			_, _, err = client.ProducerID(ctx)
		}
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			log.Warn("creating topics failed: events wait in the outbox; retrying", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

func createTopics(ctx context.Context, admin *kadm.Client, topics []Topic) error {
	var problems []error
	for _, topic := range topics {
		retention, maxBytes := strconv.FormatInt(eventsKept.Milliseconds(), 10), maxRecordBytes
		if topic.IsForDeadLetters {
			retention, maxBytes = "-1", maxRecordBytes+deadLetterExtra
		}
		settings := map[string]*string{
			"cleanup.policy":    kadm.StringPtr("delete"),
			"retention.ms":      &retention,
			"retention.bytes":   kadm.StringPtr("-1"),
			"max.message.bytes": kadm.StringPtr(strconv.Itoa(maxBytes)),
			"compression.type":  kadm.StringPtr("uncompressed"),
		}
		const defaultReplication = -1
		created, err := admin.CreateTopic(ctx, partitions, defaultReplication, settings, topic.Name)
		if err == nil {
			err = created.Err
		}
		if !errors.Is(err, kerr.TopicAlreadyExists) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}
