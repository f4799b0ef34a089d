package customers

import (
	"context"
	"fmt"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
)

// PutCustomer creates a customer, or replaces the content of the one with this id, and publishes the change.
func (s *Service) PutCustomer(
	ctx context.Context, request *enrichmentv1.PutCustomerRequest,
) (*enrichmentv1.PutCustomerResponse, error) {
	call, err := callOf(ctx, putMethod, request, request.Customer)
	if err != nil {
		return nil, err
	}
	customer, err := s.store.Change(ctx, call,
		func(ctx context.Context, changes Changes) (*enrichmentv1.Customer, error) {
			return put(ctx, changes, request.Customer)
		})
	if err != nil {
		return nil, err
	}
	return &enrichmentv1.PutCustomerResponse{Customer: customer}, nil
}

func put(
	ctx context.Context, changes Changes, wanted *enrichmentv1.CustomerContent,
) (*enrichmentv1.Customer, error) {
	current, err := changes.FindForUpdate(ctx, wanted.CustomerId)
	if err != nil {
		return nil, err
	}
	if current == nil {
		if err := checkVersion(wanted.CustomerId, 0, wanted.Version); err != nil {
			return nil, err
		}
		// What is not said of a new customer: that it is inactive.
		created := contentOf(wanted, wanted.Active == nil || *wanted.Active)
		inserted, err := changes.Insert(ctx, created)
		if err != nil || inserted {
			return created, err
		}
		// Another call has created it in between. Customers are never deleted.
		current, err = changes.FindForUpdate(ctx, wanted.CustomerId)
		if err != nil {
			return nil, err
		}
		if current == nil {
			return nil, fmt.Errorf("customer %s neither exists nor can be inserted", wanted.CustomerId)
		}
	}
	if err := checkVersion(wanted.CustomerId, current.Version, wanted.Version); err != nil {
		return nil, err
	}
	active := current.Active
	if wanted.Active != nil {
		active = *wanted.Active
	}
	return replace(ctx, changes, current, contentOf(wanted, active))
}
