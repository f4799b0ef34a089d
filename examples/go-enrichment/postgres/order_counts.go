package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
	"orderflow.example/go-enrichment/ordercount"
)

// OrderCounts implements ordercount.Store.
type OrderCounts struct {
	pool *pgxpool.Pool
}

var _ ordercount.Store = (*OrderCounts)(nil)

// NewOrderCounts creates it.
func NewOrderCounts(pool *pgxpool.Pool) *OrderCounts { return &OrderCounts{pool: pool} }

// Count implements ordercount.Store in one statement. All orders are inserted before the first count is touched, both in
// the order of their ids, so that two transactions cannot deadlock.
func (o *OrderCounts) Count(ctx context.Context, orders []ordercount.Order) error {
	ids, customerIDs := make([]string, len(orders)), make([]string, len(orders))
	for i, order := range orders {
		ids[i], customerIDs[i] = order.ID, order.CustomerID
	}
	_, err := o.pool.Exec(ctx,
		`with new as (
		   insert into counted_order (order_id, customer_id)
		   select order_id, customer_id from unnest($1::text[], $2::text[]) as given (order_id, customer_id)
		   order by order_id collate "C"
		   on conflict do nothing
		   returning customer_id)
		 insert into order_count (customer_id, orders)
		 select customer_id, count(*) from new group by customer_id order by customer_id collate "C"
		 on conflict (customer_id) do update set orders = order_count.orders + excluded.orders`,
		ids, customerIDs)
	return err
}
