package customers

import (
	"context"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
)

// memory implements Store and Changes for one call at a time. It counts no orders.
type memory struct {
	byID map[string]*enrichmentv1.Customer
	// published has the versions that were published.
	published []int64
}

func (m *memory) Find(_ context.Context, ids []string) ([]*enrichmentv1.Customer, error) {
	var found []*enrichmentv1.Customer
	for _, id := range ids {
		if customer, ok := m.byID[id]; ok {
			found = append(found, proto.CloneOf(customer))
		}
	}
	return found, nil
}

func (m *memory) Page(ctx context.Context, afterID string, limit int) ([]*enrichmentv1.Customer, error) {
	ids := slices.Sorted(maps.Keys(m.byID))
	ids = slices.DeleteFunc(ids, func(id string) bool { return id <= afterID })
	return m.Find(ctx, ids[:min(limit, len(ids))])
}

func (m *memory) OrderCounts(context.Context, []string) (map[string]int64, error) { return nil, nil }

func (m *memory) Change(ctx context.Context, _ *Call, work Work) (*enrichmentv1.Customer, error) {
	return work(ctx, m)
}

func (m *memory) FindForUpdate(ctx context.Context, id string) (*enrichmentv1.Customer, error) {
	found, err := m.Find(ctx, []string{id})
	if len(found) == 0 {
		return nil, err
	}
	return found[0], err
}

func (m *memory) Insert(ctx context.Context, customer *enrichmentv1.Customer) (bool, error) {
	if _, ok := m.byID[customer.CustomerId]; ok {
		return false, nil
	}
	return true, m.Update(ctx, customer)
}

func (m *memory) Update(_ context.Context, customer *enrichmentv1.Customer) error {
	customer.Version++
	m.byID[customer.CustomerId] = proto.CloneOf(customer)
	m.published = append(m.published, customer.Version)
	return nil
}
