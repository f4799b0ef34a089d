// Package products implements ProductService: one file per RPC.
package products

import (
	"context"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/gen/orderflow/enrichment/v1/enrichmentv1connect"
)

// list is the name of the list that page tokens belong to.
const list = "products"

// Store is where products are. Replace it to use a storage of your own.
type Store interface {
	// Find returns the products with these ids or SKUs, each once, in any order. A name that cannot exist is not an error.
	Find(ctx context.Context, ids, skus []string) ([]*enrichmentv1.Product, error)
	// Page returns up to limit products in the order of the bytes of their ids, after afterID; "" begins with the first.
	Page(ctx context.Context, afterID string, limit int) ([]*enrichmentv1.Product, error)
}

// Service implements ProductService.
type Service struct {
	store Store
}

var _ enrichmentv1connect.ProductServiceHandler = (*Service)(nil)

// New creates the service.
func New(store Store) *Service { return &Service{store: store} }
