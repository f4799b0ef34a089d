package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/outbox"
)

// publishUpdated writes CustomerUpdated to the outbox, with the transaction of the change. The lock on the customer,
// which the transaction has, keeps the events of one customer in the order of its versions.
func publishUpdated(ctx context.Context, tx pgx.Tx, customer *enrichmentv1.Customer) error {
	event, err := outbox.CustomerUpdated(ctx, customer)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "insert into outbox (topic, key, value, headers) values ($1, $2, $3, $4)",
		event.Topic, event.Key, event.Value, event.Headers)
	return err
}
