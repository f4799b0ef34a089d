package outbox_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"orderflow.example/go-enrichment/outbox"
	"orderflow.example/go-enrichment/storetest"
)

// kafka is a Publisher that can be made to fail, and to wait.
type kafka struct {
	mu     sync.Mutex
	values []string
	// failures is how often publishing fails from now on.
	failures int
	// entered gets a value when publishing begins, which then waits for proceed. nil: it does not wait.
	entered, proceed chan struct{}
}

func (k *kafka) Publish(ctx context.Context, events []outbox.Event) error {
	if k.entered != nil {
		k.entered <- struct{}{}
		select {
		case <-k.proceed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failures > 0 {
		k.failures--
		return errors.New("no broker")
	}
	for _, event := range events {
		k.values = append(k.values, string(event.Value))
	}
	return nil
}

func (k *kafka) got() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.values)
}

func write(t *testing.T, pool *pgxpool.Pool, values ...string) {
	t.Helper()
	for _, value := range values {
		_, err := pool.Exec(t.Context(),
			`insert into outbox (topic, key, value, headers) values ('customer-events', 'c-1', $1, '{"ce_id":"c-1/1"}')`,
			[]byte(value))
		if err != nil {
			t.Fatal(err)
		}
	}
}

// run runs a relay, and returns a function that stops it.
func run(t *testing.T, pool *pgxpool.Pool, publisher outbox.Publisher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { outbox.NewRelay(pool, publisher, storetest.Quiet).Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		work.Wait()
	})
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, isTrue func() bool) {
	t.Helper()
	for began := time.Now(); !isTrue(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func pending(t *testing.T, pool *pgxpool.Pool) (count int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), "select count(*) from outbox").Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}

func TestEventsStayUntilKafkaHasThem(t *testing.T) {
	pool := storetest.Open(t)
	publisher := &kafka{failures: 2}
	run(t, pool, publisher)
	write(t, pool, "1", "2", "3")
	eventually(t, "the outbox is empty", func() bool { return pending(t, pool) == 0 })
	if got := publisher.got(); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("published %v", got)
	}
}

func TestOneRelayWorksAtATimeAndAnotherTakesOver(t *testing.T) {
	pool := storetest.Open(t)
	write(t, pool, "1", "2")
	first := &kafka{entered: make(chan struct{}, 1), proceed: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		_, err := outbox.NewRelay(pool, first, storetest.Quiet).PublishBatch(t.Context())
		ended <- err
	}()
	<-first.entered

	second := &kafka{}
	other := outbox.NewRelay(pool, second, storetest.Quiet)
	if published, err := other.PublishBatch(t.Context()); published != 0 || err != nil {
		t.Errorf("beside the first: published %d, %v", published, err)
	}
	// As if the process of the first one had died: its session ends before it has deleted the events.
	_, err := pool.Exec(t.Context(),
		"select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and database = "+
			"(select oid from pg_database where datname = current_database())")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second publishes", func() bool {
		published, err := other.PublishBatch(t.Context())
		return err == nil && published == 2
	})
	close(first.proceed)
	if err := <-ended; err == nil {
		t.Error("the first has deleted events without its lock")
	}
	if got := second.got(); !slices.Equal(got, []string{"1", "2"}) || pending(t, pool) != 0 {
		t.Errorf("the second published %v, %d are left", got, pending(t, pool))
	}
}
