package main

import (
	"strings"

	"google.golang.org/genproto/googleapis/type/money"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	testingv1 "orderflow.example/gen/orderflow/testing/v1"
)

var hugeText = strings.Repeat("x", 16<<20)

// corrupt changes the customers and products of a response as the fault says; all of them, or those the fault is limited
// to. A response without any is unchanged.
func corrupt(response any, fault *testingv1.Fault) {
	customers, products := itemsOf(response)
	isInflated := false
	for _, customer := range customers {
		if !isHit(fault, customer.CustomerId) {
			continue
		}
		switch fault.Kind {
		case testingv1.Fault_KIND_WRONG_DATA:
			customer.Name = ""
		case testingv1.Fault_KIND_WRONG_ID:
			customer.CustomerId = "not-" + customer.CustomerId
		case testingv1.Fault_KIND_HUGE_REPLY:
			// One is enough to make the whole response too large.
			if !isInflated {
				customer.Name, isInflated = hugeText, true
			}
		}
	}
	for _, product := range products {
		if !isHit(fault, product.ProductId, product.Sku) {
			continue
		}
		switch fault.Kind {
		case testingv1.Fault_KIND_WRONG_DATA:
			product.Price = &money.Money{Units: -1}
		case testingv1.Fault_KIND_WRONG_ID:
			product.ProductId, product.Sku = "not-"+product.ProductId, "NOT-"+product.Sku
		case testingv1.Fault_KIND_HUGE_REPLY:
			if !isInflated {
				product.Description, isInflated = hugeText, true
			}
		}
	}
}

func isHit(fault *testingv1.Fault, names ...string) bool {
	return len(fault.Ids) == 0 || intersect(fault.Ids, names)
}

func itemsOf(message any) ([]*enrichmentv1.Customer, []*enrichmentv1.Product) {
	switch response := message.(type) {
	case interface{ GetCustomer() *enrichmentv1.Customer }:
		return []*enrichmentv1.Customer{response.GetCustomer()}, nil
	case interface {
		GetCustomers() []*enrichmentv1.Customer
	}:
		return response.GetCustomers(), nil
	case interface{ GetProduct() *enrichmentv1.Product }:
		return nil, []*enrichmentv1.Product{response.GetProduct()}
	case interface {
		GetProducts() []*enrichmentv1.Product
	}:
		return nil, response.GetProducts()
	}
	return nil, nil
}
