package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
)

const productCount = 100

// products implements ProductService. It never changes, so it needs no lock.
type products struct {
	byID  map[string]*enrichmentv1.Product
	bySKU map[string]*enrichmentv1.Product
}

// newProducts makes p-1 to p-100; every 50th is retired. The first five are the well-known ones.
func newProducts(now time.Time) *products {
	wellKnown := []struct {
		sku, name string
		cents     int64
	}{
		{"LAPTOP001", "Laptop", 1299_99},
		{"MOUSE001", "Mouse", 79_99},
		{"CHAIR001", "Chair", 299_99},
		{"KEYBOARD001", "Keyboard", 149_99},
		{"MONITOR001", "Monitor", 449_99},
	}
	store := &products{byID: map[string]*enrichmentv1.Product{}, bySKU: map[string]*enrichmentv1.Product{}}
	for n := 1; n <= productCount; n++ {
		sku, name, cents := fmt.Sprintf("SKU%05d", n), fmt.Sprintf("Product %d", n), int64(n)*100+99
		if n <= len(wellKnown) {
			known := wellKnown[n-1]
			sku, name, cents = known.sku, known.name, known.cents
		}
		state := enrichmentv1.Product_STATE_ACTIVE
		if n%50 == 0 {
			state = enrichmentv1.Product_STATE_RETIRED
		}
		product := &enrichmentv1.Product{
			ProductId:   fmt.Sprintf("p-%d", n),
			Sku:         sku,
			Name:        name,
			Description: name + ", from the Go catalogue",
			Price:       &money.Money{CurrencyCode: "USD", Units: cents / 100, Nanos: int32(cents%100) * 10_000_000},
			State:       state,
			Version:     1,
			UpdateTime:  timestamppb.New(now),
		}
		store.byID[product.ProductId] = product
		store.bySKU[product.Sku] = product
	}
	return store
}

func (s *products) GetProduct(
	_ context.Context, request *enrichmentv1.GetProductRequest,
) (*enrichmentv1.GetProductResponse, error) {
	product, ok := s.byID[request.GetProductId()]
	if !ok {
		product, ok = s.bySKU[request.GetSku()]
	}
	if !ok {
		return nil, fail(connect.CodeNotFound, "PRODUCT_NOT_FOUND",
			fmt.Sprintf("no product has the id or SKU %q", request.GetProductId()+request.GetSku()))
	}
	return &enrichmentv1.GetProductResponse{Product: product}, nil
}

func (s *products) BatchGetProducts(
	_ context.Context, request *enrichmentv1.BatchGetProductsRequest,
) (*enrichmentv1.BatchGetProductsResponse, error) {
	found, missingIDs := find(request.ProductIds, s.byID)
	foundBySKU, missingSKUs := find(request.Skus, s.bySKU)
	for _, product := range foundBySKU {
		if !slices.Contains(found, product) {
			found = append(found, product)
		}
	}
	return &enrichmentv1.BatchGetProductsResponse{
		Products:           found,
		NotFoundProductIds: missingIDs,
		NotFoundSkus:       missingSKUs,
	}, nil
}

func (s *products) ListProducts(
	_ context.Context, request *enrichmentv1.ListProductsRequest,
) (*enrichmentv1.ListProductsResponse, error) {
	found, next, err := page(s.byID, request.PageSize, request.PageToken)
	if err != nil {
		return nil, err
	}
	return &enrichmentv1.ListProductsResponse{Products: found, NextPageToken: next}, nil
}
