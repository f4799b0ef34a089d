package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
)

const customerCount = 200

// customers implements CustomerService. A stored Customer is never changed, only replaced, so
// answers may hold it without the lock.
type customers struct {
	mu      sync.RWMutex
	byID    map[string]*enrichmentv1.Customer
	answers map[requestKey]answer
}

// requestKey names one call of one caller.
type requestKey struct{ caller, requestID string }

// answer is what a call with a request_id was answered, and the request it was.
type answer struct {
	request  proto.Message
	customer *enrichmentv1.Customer
}

// newCustomers makes c-1 to c-200; every 50th is inactive.
func newCustomers(now time.Time) *customers {
	firstNames := []string{"Ada", "Barbara", "Edsger", "Frances", "Grace", "Ken", "Leslie", "Radia"}
	lastNames := []string{"Allen", "Bell", "Clarke", "Dijk", "Evans", "Fischer", "Garcia"}
	store := &customers{byID: map[string]*enrichmentv1.Customer{}, answers: map[requestKey]answer{}}
	for n := 1; n <= customerCount; n++ {
		id := fmt.Sprintf("c-%d", n)
		store.byID[id] = &enrichmentv1.Customer{
			CustomerId: id,
			Name:       firstNames[n%len(firstNames)] + " " + lastNames[n%len(lastNames)],
			Email:      fmt.Sprintf("customer-%d@example.com", n),
			Address:    fmt.Sprintf("%d Market Street, 10115 Exampletown", n),
			Active:     n%50 != 0,
			Version:    1,
			CreateTime: timestamppb.New(now),
			UpdateTime: timestamppb.New(now),
		}
	}
	return store
}

func (s *customers) GetCustomer(
	_ context.Context, request *enrichmentv1.GetCustomerRequest,
) (*enrichmentv1.GetCustomerResponse, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	customer, ok := s.byID[request.CustomerId]
	if !ok {
		return nil, customerNotFound(request.CustomerId)
	}
	return &enrichmentv1.GetCustomerResponse{Customer: customer}, nil
}

func (s *customers) BatchGetCustomers(
	_ context.Context, request *enrichmentv1.BatchGetCustomersRequest,
) (*enrichmentv1.BatchGetCustomersResponse, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, missing := find(request.CustomerIds, s.byID)
	return &enrichmentv1.BatchGetCustomersResponse{Customers: found, NotFoundCustomerIds: missing}, nil
}

func (s *customers) ListCustomers(
	_ context.Context, request *enrichmentv1.ListCustomersRequest,
) (*enrichmentv1.ListCustomersResponse, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, next, err := page(s.byID, request.PageSize, request.PageToken)
	if err != nil {
		return nil, err
	}
	return &enrichmentv1.ListCustomersResponse{Customers: found, NextPageToken: next}, nil
}

func (s *customers) CreateCustomer(
	ctx context.Context, request *enrichmentv1.CreateCustomerRequest,
) (*enrichmentv1.CreateCustomerResponse, error) {
	customer, err := s.once(ctx, request.RequestId, request, func() (*enrichmentv1.Customer, error) {
		id := request.Customer.CustomerId
		if _, taken := s.byID[id]; taken {
			return nil, fail(connect.CodeAlreadyExists, "CUSTOMER_ALREADY_EXISTS",
				fmt.Sprintf("customer %q exists; change it with UpdateCustomer", id))
		}
		return s.put(request.Customer, 1, timestamppb.Now()), nil
	})
	if err != nil {
		return nil, err
	}
	return &enrichmentv1.CreateCustomerResponse{Customer: customer}, nil
}

func (s *customers) UpdateCustomer(
	ctx context.Context, request *enrichmentv1.UpdateCustomerRequest,
) (*enrichmentv1.UpdateCustomerResponse, error) {
	customer, err := s.once(ctx, request.RequestId, request, func() (*enrichmentv1.Customer, error) {
		wanted := request.Customer
		current, ok := s.byID[wanted.CustomerId]
		if !ok {
			return nil, customerNotFound(wanted.CustomerId)
		}
		if wanted.Version != 0 && wanted.Version != current.Version {
			return nil, versionMismatch(wanted.CustomerId, current.Version, wanted.Version)
		}
		changed := proto.CloneOf(wanted)
		if changed.Address == "" {
			changed.Address = current.Address
		}
		return s.put(changed, current.Version+1, current.CreateTime), nil
	})
	if err != nil {
		return nil, err
	}
	return &enrichmentv1.UpdateCustomerResponse{Customer: customer}, nil
}

func (s *customers) PutCustomer(
	ctx context.Context, request *enrichmentv1.PutCustomerRequest,
) (*enrichmentv1.PutCustomerResponse, error) {
	customer, err := s.once(ctx, request.RequestId, request, func() (*enrichmentv1.Customer, error) {
		wanted := request.Customer
		current, ok := s.byID[wanted.CustomerId]
		if !ok {
			current = &enrichmentv1.Customer{Active: true, CreateTime: timestamppb.Now()}
		}
		if wanted.Version != 0 && wanted.Version != current.Version {
			return nil, versionMismatch(wanted.CustomerId, current.Version, wanted.Version)
		}
		active := current.Active
		if wanted.Active != nil {
			active = *wanted.Active
		}
		return s.put(&enrichmentv1.Customer{
			CustomerId: wanted.CustomerId,
			Name:       wanted.Name,
			Email:      wanted.Email,
			Address:    wanted.Address,
			Active:     active,
		}, current.Version+1, current.CreateTime), nil
	})
	if err != nil {
		return nil, err
	}
	return &enrichmentv1.PutCustomerResponse{Customer: customer}, nil
}

// put stores the customer with what the server sets. The caller holds the lock.
func (s *customers) put(
	wanted *enrichmentv1.Customer, version int64, created *timestamppb.Timestamp,
) *enrichmentv1.Customer {
	stored := proto.CloneOf(wanted)
	stored.Version = version
	stored.CreateTime = created
	stored.UpdateTime = timestamppb.Now()
	s.byID[stored.CustomerId] = stored
	return stored
}

// once runs change under the lock, or gives the first answer again when this caller has made this
// very call before. Failures are not kept: they changed nothing.
func (s *customers) once(
	ctx context.Context, requestID string, request proto.Message, change func() (*enrichmentv1.Customer, error),
) (*enrichmentv1.Customer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if requestID == "" {
		return change()
	}
	key := requestKey{caller: callerID(ctx), requestID: requestID}
	if first, ok := s.answers[key]; ok {
		if !proto.Equal(first.request, request) {
			return nil, fail(connect.CodeInvalidArgument, "REQUEST_ID_REUSED",
				fmt.Sprintf("request_id %q was used for another request; choose a new one", requestID))
		}
		return first.customer, nil
	}
	customer, err := change()
	if err == nil {
		s.answers[key] = answer{request: request, customer: customer}
	}
	return customer, err
}

func callerID(ctx context.Context) string {
	if call, ok := connect.CallInfoForHandlerContext(ctx); ok {
		if caller := call.RequestHeader().Get("x-caller-id"); caller != "" {
			return caller
		}
	}
	return "anonymous"
}

func customerNotFound(id string) error {
	return fail(connect.CodeNotFound, "CUSTOMER_NOT_FOUND", fmt.Sprintf("no customer has the id %q", id))
}

// versionMismatch says that a caller has read another version; the current one is 0 for a customer that does not exist.
func versionMismatch(id string, current, given int64) error {
	return fail(connect.CodeAborted, "VERSION_MISMATCH",
		fmt.Sprintf("customer %q has version %d, not %d; read it again and repeat the change", id, current, given))
}
