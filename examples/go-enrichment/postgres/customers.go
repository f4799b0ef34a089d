package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/types/known/timestamppb"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/customers"
)

const customerColumns = "customer_id, name, email, coalesce(address, ''), active, version, create_time, update_time"

// Customers implements customers.Store.
type Customers struct {
	pool      *pgxpool.Pool
	committed func()
}

var _ customers.Store = (*Customers)(nil)

// NewCustomers creates it. committed is called after every commit of a change, and must not block.
func NewCustomers(pool *pgxpool.Pool, committed func()) *Customers {
	return &Customers{pool: pool, committed: committed}
}

// Find implements customers.Store.
func (c *Customers) Find(ctx context.Context, ids []string) ([]*enrichmentv1.Customer, error) {
	return c.query(ctx, "select "+customerColumns+" from customer where customer_id = any($1)", storable(ids))
}

// Page implements customers.Store.
func (c *Customers) Page(ctx context.Context, afterID string, limit int) ([]*enrichmentv1.Customer, error) {
	return c.query(ctx,
		"select "+customerColumns+" from customer where customer_id > $1 order by customer_id limit $2", afterID, limit)
}

// OrderCounts implements customers.Store.
func (c *Customers) OrderCounts(ctx context.Context, ids []string) (map[string]int64, error) {
	counts := make(map[string]int64, len(ids))
	// Without a row there is no order.
	for _, id := range ids {
		counts[id] = 0
	}
	rows, err := c.pool.Query(ctx, "select customer_id, orders from order_count where customer_id = any($1)", ids)
	if err != nil {
		return nil, err
	}
	var id string
	var orders int64
	_, err = pgx.ForEachRow(rows, []any{&id, &orders}, func() error {
		counts[id] = orders
		return nil
	})
	return counts, err
}

// Change implements customers.Store.
func (c *Customers) Change(
	ctx context.Context, call *customers.Call, work customers.Work,
) (*enrichmentv1.Customer, error) {
	var customer *enrichmentv1.Customer
	err := pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) (err error) {
		if call != nil {
			if customer, err = claim(ctx, tx, call); err != nil || customer != nil {
				return err
			}
		}
		if customer, err = work(ctx, customerChanges{tx}); err != nil || call == nil {
			return err
		}
		return storeResponse(ctx, tx, call, customer)
	})
	if err != nil {
		return nil, err
	}
	c.committed()
	return customer, nil
}

// customerChanges implements customers.Changes.
type customerChanges struct {
	tx pgx.Tx
}

func (c customerChanges) FindForUpdate(ctx context.Context, id string) (*enrichmentv1.Customer, error) {
	rows, err := c.tx.Query(ctx, "select "+customerColumns+" from customer where customer_id = $1 for update", id)
	if err != nil {
		return nil, err
	}
	customer, err := pgx.CollectExactlyOneRow(rows, readCustomer)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return customer, err
}

func (c customerChanges) Insert(ctx context.Context, customer *enrichmentv1.Customer) (bool, error) {
	var createTime time.Time
	err := c.tx.QueryRow(ctx,
		`insert into customer (customer_id, name, email, address, active, version, create_time, update_time)
		 select $1, $2, $3, $4, $5, 1, now, now from clock_timestamp() as now
		 on conflict do nothing
		 returning create_time`,
		customer.CustomerId, customer.Name, customer.Email, customer.Address, customer.Active).Scan(&createTime)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	customer.Version = 1
	customer.CreateTime = timestamppb.New(createTime)
	customer.UpdateTime = timestamppb.New(createTime)
	return true, publishUpdated(ctx, c.tx, customer)
}

func (c customerChanges) Update(ctx context.Context, customer *enrichmentv1.Customer) error {
	var updateTime time.Time
	err := c.tx.QueryRow(ctx,
		`update customer set name = $2, email = $3, address = $4, active = $5, version = version + 1,
		   update_time = clock_timestamp()
		 where customer_id = $1
		 returning version, update_time`,
		customer.CustomerId, customer.Name, customer.Email, customer.Address, customer.Active).
		Scan(&customer.Version, &updateTime)
	if err != nil {
		return err
	}
	customer.UpdateTime = timestamppb.New(updateTime)
	return publishUpdated(ctx, c.tx, customer)
}

func (c *Customers) query(ctx context.Context, sql string, args ...any) ([]*enrichmentv1.Customer, error) {
	rows, err := c.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, readCustomer)
}

func readCustomer(row pgx.CollectableRow) (*enrichmentv1.Customer, error) {
	var customer enrichmentv1.Customer
	var createTime, updateTime time.Time
	err := row.Scan(&customer.CustomerId, &customer.Name, &customer.Email, &customer.Address, &customer.Active,
		&customer.Version, &createTime, &updateTime)
	customer.CreateTime = timestamppb.New(createTime)
	customer.UpdateTime = timestamppb.New(updateTime)
	return &customer, err
}

// storable returns the names that Postgres can store: it refuses a whole query if one of them contains a NUL.
func storable(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return strings.ContainsRune(name, 0) })
}
