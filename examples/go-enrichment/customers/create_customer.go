package customers

import (
	"context"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/rpc"
)

// CreateCustomer stores a new customer and publishes it.
func (s *Service) CreateCustomer(
	ctx context.Context, request *enrichmentv1.CreateCustomerRequest,
) (*enrichmentv1.CreateCustomerResponse, error) {
	wanted := request.Customer
	call, err := callOf(ctx, createMethod, request, wanted)
	if err != nil {
		return nil, err
	}
	customer, err := s.store.Change(ctx, call,
		func(ctx context.Context, changes Changes) (*enrichmentv1.Customer, error) {
			created := contentOf(wanted, wanted.Active)
			inserted, err := changes.Insert(ctx, created)
			if err == nil && !inserted {
				err = rpc.Error("CUSTOMER_ALREADY_EXISTS", "customer "+wanted.CustomerId+" exists already",
					map[string]string{"customer_id": wanted.CustomerId})
			}
			return created, err
		})
	if err != nil {
		return nil, err
	}
	return &enrichmentv1.CreateCustomerResponse{Customer: customer}, nil
}
