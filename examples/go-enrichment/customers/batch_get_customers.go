package customers

import (
	"context"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/rpc"
)

// BatchGetCustomers reads up to 200 customers. It is the call that orderflow makes while it decides orders.
func (s *Service) BatchGetCustomers(
	ctx context.Context, request *enrichmentv1.BatchGetCustomersRequest,
) (*enrichmentv1.BatchGetCustomersResponse, error) {
	ids := rpc.Distinct(request.CustomerIds)
	found, err := s.store.Find(ctx, ids)
	if err != nil {
		return nil, err
	}
	missing := rpc.Missing(ids, found, (*enrichmentv1.Customer).GetCustomerId)
	return &enrichmentv1.BatchGetCustomersResponse{Customers: found, NotFoundCustomerIds: missing}, nil
}
