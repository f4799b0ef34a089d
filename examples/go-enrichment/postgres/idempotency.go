package postgres

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/customers"
)

const (
	expireEvery = time.Hour
	// expireAtOnce is how many rows a statement locks at most, while others write theirs.
	expireAtOnce = 1000
)

// claim takes the call for this transaction, and returns nil; or the stored response if the call was made before.
// Repeats at the same time wait for the end of the first. A rollback undoes the claim: a call that is refused is
// evaluated again when it is repeated.
func claim(ctx context.Context, tx pgx.Tx, call *customers.Call) (*enrichmentv1.Customer, error) {
	claimed, err := tx.Exec(ctx,
		`insert into idempotency (caller_id, method, request_id, content_hash, create_time)
		 values ($1, $2, $3, $4, clock_timestamp()) on conflict do nothing`,
		call.CallerID, call.Method, call.RequestID, call.ContentHash)
	if err != nil || claimed.RowsAffected() == 1 {
		return nil, err
	}
	var hash, answer []byte
	err = tx.QueryRow(ctx,
		"select content_hash, answer from idempotency where caller_id = $1 and method = $2 and request_id = $3",
		call.CallerID, call.Method, call.RequestID).Scan(&hash, &answer)
	if err != nil {
		return nil, fmt.Errorf("the stored response of a repeated call: %w", err)
	}
	if !bytes.Equal(hash, call.ContentHash) {
		return nil, call.Reused()
	}
	customer := new(enrichmentv1.Customer)
	return customer, proto.Unmarshal(answer, customer)
}

func storeResponse(
	ctx context.Context, tx pgx.Tx, call *customers.Call, customer *enrichmentv1.Customer,
) error {
	answer, err := proto.Marshal(customer)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx,
		"update idempotency set answer = $4 where caller_id = $1 and method = $2 and request_id = $3",
		call.CallerID, call.Method, call.RequestID, answer)
	return err
}

// ExpireResponses deletes stored responses that are older than 30 days, until ctx ends: no caller can still expect them.
func ExpireResponses(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) {
	for {
		deleted, err := pool.Exec(ctx,
			`delete from idempotency where (caller_id, method, request_id) in (
			   select caller_id, method, request_id from idempotency
			   where create_time < clock_timestamp() - interval '30 days'
			   order by create_time limit $1 for update skip locked)`, expireAtOnce)
		if err != nil && ctx.Err() == nil {
			log.Warn("deleting old responses failed: they stay until the next run", "err", err)
		}
		if err == nil && deleted.RowsAffected() == expireAtOnce {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(expireEvery):
		}
	}
}
