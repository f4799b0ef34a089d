package products

import (
	"context"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/rpc"
)

// BatchGetProducts reads up to 200 products by id, by SKU, or both. It is the call that orderflow makes while it decides
// orders.
func (s *Service) BatchGetProducts(
	ctx context.Context, request *enrichmentv1.BatchGetProductsRequest,
) (*enrichmentv1.BatchGetProductsResponse, error) {
	ids, skus := rpc.Distinct(request.ProductIds), rpc.Distinct(request.Skus)
	found, err := s.store.Find(ctx, ids, skus)
	if err != nil {
		return nil, err
	}
	return &enrichmentv1.BatchGetProductsResponse{
		Products:           found,
		NotFoundProductIds: rpc.Missing(ids, found, (*enrichmentv1.Product).GetProductId),
		NotFoundSkus:       rpc.Missing(skus, found, (*enrichmentv1.Product).GetSku),
	}, nil
}
