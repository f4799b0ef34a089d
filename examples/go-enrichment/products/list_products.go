package products

import (
	"context"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/rpc"
)

// ListProducts reads a page of products.
func (s *Service) ListProducts(
	ctx context.Context, request *enrichmentv1.ListProductsRequest,
) (*enrichmentv1.ListProductsResponse, error) {
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
	page, next := rpc.Page(list, found, size, (*enrichmentv1.Product).GetProductId)
	return &enrichmentv1.ListProductsResponse{Products: page, NextPageToken: next}, nil
}
