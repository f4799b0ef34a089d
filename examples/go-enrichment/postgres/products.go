package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/products"
)

const productColumns = "product_id, sku, name, description, price, currency_code, state, version, update_time"

// Products implements products.Store.
type Products struct {
	pool *pgxpool.Pool
}

var _ products.Store = (*Products)(nil)

// NewProducts creates it.
func NewProducts(pool *pgxpool.Pool) *Products { return &Products{pool: pool} }

// Find implements products.Store.
func (p *Products) Find(ctx context.Context, ids, skus []string) ([]*enrichmentv1.Product, error) {
	return p.query(ctx, "select "+productColumns+" from product where product_id = any($1) or sku = any($2)",
		storable(ids), storable(skus))
}

// Page implements products.Store.
func (p *Products) Page(ctx context.Context, afterID string, limit int) ([]*enrichmentv1.Product, error) {
	return p.query(ctx,
		"select "+productColumns+" from product where product_id > $1 order by product_id limit $2", afterID, limit)
}

func (p *Products) query(ctx context.Context, sql string, args ...any) ([]*enrichmentv1.Product, error) {
	rows, err := p.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, readProduct)
}

func readProduct(row pgx.CollectableRow) (*enrichmentv1.Product, error) {
	var product enrichmentv1.Product
	var price int64
	var currencyCode, state string
	var updateTime time.Time
	err := row.Scan(&product.ProductId, &product.Sku, &product.Name, &product.Description, &price, &currencyCode, &state,
		&product.Version, &updateTime)
	product.Price = moneyOf(price, currencyCode)
	product.State = enrichmentv1.Product_State(enrichmentv1.Product_State_value["STATE_"+state])
	product.UpdateTime = timestamppb.New(updateTime)
	return &product, err
}

// moneyOf converts cents: a google.type.Money has whole units, and billionths.
func moneyOf(cents int64, currencyCode string) *money.Money {
	const nanosOfCent = 10_000_000
	return &money.Money{CurrencyCode: currencyCode, Units: cents / 100, Nanos: int32(cents%100) * nanosOfCent}
}
