package customers

import (
	"context"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
)

// UpdateCustomer replaces the content of a customer and publishes the change. An empty address leaves the present one.
// The version increases even if nothing differs: the caller can rely on it that cache entries are dropped.
func (s *Service) UpdateCustomer(
	ctx context.Context, request *enrichmentv1.UpdateCustomerRequest,
) (*enrichmentv1.UpdateCustomerResponse, error) {
	wanted := request.Customer
	call, err := callOf(ctx, updateMethod, request, wanted)
	if err != nil {
		return nil, err
	}
	customer, err := s.store.Change(ctx, call,
		func(ctx context.Context, changes Changes) (*enrichmentv1.Customer, error) {
			current, err := changes.FindForUpdate(ctx, wanted.CustomerId)
			if err != nil {
				return nil, err
			}
			if current == nil {
				return nil, notFound(wanted.CustomerId)
			}
			if err := checkVersion(wanted.CustomerId, current.Version, wanted.Version); err != nil {
				return nil, err
			}
			updated := contentOf(wanted, wanted.Active)
			if updated.Address == "" {
				updated.Address = current.Address
			}
			return replace(ctx, changes, current, updated)
		})
	if err != nil {
		return nil, err
	}
	return &enrichmentv1.UpdateCustomerResponse{Customer: customer}, nil
}
