package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// batchSize is how many events a crash can have published twice.
	batchSize = 20
	// pollEvery finds the rows of other processes, and those of a process that has died.
	pollEvery      = 250 * time.Millisecond
	publishTimeout = 10 * time.Second
	// stopGrace is how long a relay that stops waits for Kafka to acknowledge what it has sent.
	stopGrace = 2 * time.Second
	// frozenAfter ends the session of a relay that does not go on, so that another can take over. It is longer than
	// publishing takes.
	frozenAfter = "20s"
	// relayLock is the advisory lock of the relay that publishes.
	relayLock  = 7_310_002
	maxBackoff = 5 * time.Second
)

// Publisher writes events to Kafka.
type Publisher interface {
	// Publish returns once all in-sync replicas have every event, in their order per key. After an error some may have
	// been written.
	Publish(ctx context.Context, events []Event) error
}

// Relay moves committed events from the outbox to Kafka: at least once, and in order per key. One relay works at a time;
// when its process dies another takes over.
type Relay struct {
	pool      *pgxpool.Pool
	publisher Publisher
	log       *slog.Logger
	wake      chan struct{}
}

// NewRelay creates it; Run runs it.
func NewRelay(pool *pgxpool.Pool, publisher Publisher, log *slog.Logger) *Relay {
	return &Relay{pool: pool, publisher: publisher, log: log, wake: make(chan struct{}, 1)}
}

// Wake says that there is something to publish. It does not block.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run publishes until ctx ends, and finishes what it has begun. While Kafka or Postgres is unavailable events stay in
// the outbox.
func (r *Relay) Run(ctx context.Context) {
	// What has begun is finished: otherwise it would be published once more.
	finishing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cancel) })()
	for failures := 0; ctx.Err() == nil; {
		published, err := r.publishBatch(finishing)
		pause := pollEvery
		switch {
		case err != nil:
			if failures == 0 {
				r.log.Error("publishing failed: events stay in the outbox; retrying", "err", err)
			}
			pause = min(pollEvery<<failures, maxBackoff)
			failures = min(failures+1, 6)
		case failures > 0:
			r.log.Info("publishing works again")
			failures = 0
		}
		if err == nil && published == batchSize {
			continue
		}
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-time.After(pause):
		}
	}
}

// publishBatch publishes the oldest events, and deletes them after Kafka has acknowledged them. Its transaction holds
// the lock of the relay: if this process dies, or freezes, its session ends, and with it the lock.
func (r *Relay) publishBatch(ctx context.Context) (published int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*publishTimeout)
	defer cancel()
	var isFilled bool
	if err := r.pool.QueryRow(ctx, "select exists (select from outbox)").Scan(&isFilled); err != nil || !isFilled {
		return 0, err
	}
	err = pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		var isLocked bool
		if _, err := tx.Exec(ctx, "set local idle_in_transaction_session_timeout = '"+frozenAfter+"'"); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, "select pg_try_advisory_xact_lock($1)", relayLock).Scan(&isLocked)
		if err != nil || !isLocked {
			return err
		}
		ids, events, err := oldest(ctx, tx)
		if err != nil || len(events) == 0 {
			return err
		}
		sending, cancel := context.WithTimeout(ctx, publishTimeout)
		defer cancel()
		if err := r.publisher.Publish(sending, events); err != nil {
			return fmt.Errorf("%d events for Kafka: %w", len(events), err)
		}
		published = len(events)
		_, err = tx.Exec(ctx, "delete from outbox where id = any($1)", ids)
		return err
	})
	return published, err
}

// oldest reads the events with the lowest ids. Transactions commit out of the order of ids, so that a position to
// continue from would skip some; those of one customer exclude each other.
func oldest(ctx context.Context, tx pgx.Tx) (ids []int64, events []Event, err error) {
	rows, err := tx.Query(ctx, "select id, topic, key, value, headers from outbox order by id limit $1", batchSize)
	if err != nil {
		return nil, nil, err
	}
	var id int64
	var event Event
	_, err = pgx.ForEachRow(rows, []any{&id, &event.Topic, &event.Key, &event.Value, &event.Headers}, func() error {
		ids = append(ids, id)
		events = append(events, event)
		// The next row must not be read into the same map.
		event = Event{}
		return nil
	})
	return ids, events, err
}
