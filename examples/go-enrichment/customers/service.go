// Package customers implements CustomerService: one file per RPC.
package customers

import (
	"context"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/gen/orderflow/enrichment/v1/enrichmentv1connect"
)

// list is the name of the list that page tokens belong to.
const list = "customers"

// Store is where customers are. Replace it to use a storage of your own: postgres.Customers shows what is expected.
type Store interface {
	// Find returns the customers with these ids, each once, in any order. An id that cannot exist is not an error.
	Find(ctx context.Context, ids []string) ([]*enrichmentv1.Customer, error)
	// Page returns up to limit customers in the order of the bytes of their ids, after afterID; "" begins with the first.
	Page(ctx context.Context, afterID string, limit int) ([]*enrichmentv1.Customer, error)
	// OrderCounts returns how many orders these customers have. A customer that is missing has an unknown number, so that
	// a store that does not count returns nil.
	OrderCounts(ctx context.Context, ids []string) (map[string]int64, error)
	// Change runs work in one transaction: all of it is committed, or nothing. If the call was made before (call is not
	// nil, and its response is stored), work is not run, and the stored customer is returned. Otherwise the customer that
	// work returns is stored as the response with the same transaction. An error of work is returned unchanged.
	Change(ctx context.Context, call *Call, work Work) (*enrichmentv1.Customer, error)
}

// Work is what a transaction does; the customer is its result.
type Work func(ctx context.Context, changes Changes) (*enrichmentv1.Customer, error)

// Changes are the statements of one transaction. Insert and Update set version and times of the customer, and write
// CustomerUpdated to the outbox: the change and its event are committed together.
type Changes interface {
	// FindForUpdate locks the customer until the end of the transaction; nil when there is none.
	FindForUpdate(ctx context.Context, id string) (*enrichmentv1.Customer, error)
	// Insert returns false, and does nothing, when a customer with this id exists.
	Insert(ctx context.Context, customer *enrichmentv1.Customer) (bool, error)
	// Update replaces a customer that FindForUpdate has returned.
	Update(ctx context.Context, customer *enrichmentv1.Customer) error
}

// Service implements CustomerService.
type Service struct {
	store Store
}

var _ enrichmentv1connect.CustomerServiceHandler = (*Service)(nil)

// New creates the service.
func New(store Store) *Service { return &Service{store: store} }
