package customers

import (
	"context"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/rpc"
)

// ListCustomers reads a page of customers, with their order counts.
func (s *Service) ListCustomers(
	ctx context.Context, request *enrichmentv1.ListCustomersRequest,
) (*enrichmentv1.ListCustomersResponse, error) {
	afterID, err := rpc.AfterID(list, request.PageToken)
	if err != nil {
		return nil, err
	}
	size := rpc.PageSize(request.PageSize)
	// One more shows whether there is a next page.
	found, err := s.store.Page(ctx, afterID, size+1)
	if err != nil {
		return nil, err
	}
	page, next := rpc.Page(list, found, size, (*enrichmentv1.Customer).GetCustomerId)
	if err := s.setOrderCounts(ctx, page); err != nil {
		return nil, err
	}
	return &enrichmentv1.ListCustomersResponse{Customers: page, NextPageToken: next}, nil
}
