package customers

import (
	"context"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/rpc"
)

// GetCustomer reads one customer, with its order count.
func (s *Service) GetCustomer(
	ctx context.Context, request *enrichmentv1.GetCustomerRequest,
) (*enrichmentv1.GetCustomerResponse, error) {
	found, err := s.store.Find(ctx, []string{request.CustomerId})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, notFound(request.CustomerId)
	}
	if err := s.setOrderCounts(ctx, found); err != nil {
		return nil, err
	}
	return &enrichmentv1.GetCustomerResponse{Customer: found[0]}, nil
}

func notFound(id string) error {
	return rpc.Error("CUSTOMER_NOT_FOUND", "customer "+id+" does not exist", map[string]string{"customer_id": id})
}

// setOrderCounts sets the order counts that are known.
func (s *Service) setOrderCounts(ctx context.Context, customers []*enrichmentv1.Customer) error {
	ids := make([]string, len(customers))
	for i, customer := range customers {
		ids[i] = customer.CustomerId
	}
	counts, err := s.store.OrderCounts(ctx, ids)
	if err != nil {
		return err
	}
	for _, customer := range customers {
		if count, ok := counts[customer.CustomerId]; ok {
			customer.OrderCount = &count
		}
	}
	return nil
}
