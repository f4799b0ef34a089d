package products

import (
	"context"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/rpc"
)

// GetProduct reads one product by its id or its SKU.
func (s *Service) GetProduct(
	ctx context.Context, request *enrichmentv1.GetProductRequest,
) (*enrichmentv1.GetProductResponse, error) {
	var ids, skus []string
	var notFound error
	switch reference := request.Reference.(type) {
	case *enrichmentv1.GetProductRequest_ProductId:
		ids = []string{reference.ProductId}
		notFound = rpc.Error("PRODUCT_NOT_FOUND", "product "+reference.ProductId+" does not exist",
			map[string]string{"product_id": reference.ProductId})
	case *enrichmentv1.GetProductRequest_Sku:
		skus = []string{reference.Sku}
		notFound = rpc.Error("PRODUCT_NOT_FOUND", "a product with SKU "+reference.Sku+" does not exist",
			map[string]string{"sku": reference.Sku})
	}
	found, err := s.store.Find(ctx, ids, skus)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, notFound
	}
	return &enrichmentv1.GetProductResponse{Product: found[0]}, nil
}
