package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	testingv1 "orderflow.example/gen/orderflow/testing/v1"
	"orderflow.example/go-enrichment/rpc"
)

// methods are those that can misbehave.
var methods = methodNames(
	enrichmentv1.File_orderflow_enrichment_v1_customer_service_proto,
	enrichmentv1.File_orderflow_enrichment_v1_product_service_proto,
)

// kinds are those that this server implements.
var kinds = []testingv1.Fault_Kind{
	testingv1.Fault_KIND_UNSPECIFIED, testingv1.Fault_KIND_REFUSE, testingv1.Fault_KIND_HANG,
	testingv1.Fault_KIND_TWICE, testingv1.Fault_KIND_WRONG_DATA, testingv1.Fault_KIND_WRONG_ID,
	testingv1.Fault_KIND_HUGE_REPLY,
}

// faults implements FaultService: in memory, one fault per method.
type faults struct {
	connections *connections

	mu       sync.Mutex
	byMethod map[string]*testingv1.Fault
	calls    map[string]int64
	ids      map[string]int64
}

func newFaults(connections *connections) *faults {
	return &faults{
		connections: connections,
		byMethod:    map[string]*testingv1.Fault{},
		calls:       map[string]int64{},
		ids:         map[string]int64{},
	}
}

// SetFault sets the fault of one method.
func (f *faults) SetFault(
	_ context.Context, request *testingv1.SetFaultRequest,
) (*testingv1.SetFaultResponse, error) {
	if problem := problemOf(request.Fault); problem != "" {
		return nil, rpc.Error("INVALID_REQUEST", problem, nil)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byMethod[request.Fault.Method] = request.Fault
	return &testingv1.SetFaultResponse{}, nil
}

// problemOf returns what the rules of the contract cannot express; "" when there is no problem.
func problemOf(fault *testingv1.Fault) string {
	least, most := latencies(fault)
	switch {
	case !slices.Contains(methods, fault.Method):
		return fmt.Sprintf("fault.method: there is no method %s; one of %s", fault.Method, strings.Join(methods, ", "))
	case least < 0 || most < least:
		return "fault.max_latency: must be at least min_latency, and min_latency at least 0"
	case fault.ErrorRate > 0 && fault.ErrorCode == 0:
		return "fault.error_code: 0 is not an error; use an error code, such as 14"
	case !slices.Contains(kinds, fault.Kind):
		return fmt.Sprintf("fault.kind: this stub does not implement kind %d", fault.Kind)
	}
	return ""
}

func latencies(fault *testingv1.Fault) (least, most time.Duration) {
	least = fault.GetMinLatency().AsDuration()
	if fault.MaxLatency == nil {
		return least, least
	}
	return least, fault.MaxLatency.AsDuration()
}

// ClearFaults removes every fault.
func (f *faults) ClearFaults(
	context.Context, *testingv1.ClearFaultsRequest,
) (*testingv1.ClearFaultsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.byMethod)
	return &testingv1.ClearFaultsResponse{}, nil
}

// ListFaults lists the active faults.
func (f *faults) ListFaults(
	context.Context, *testingv1.ListFaultsRequest,
) (*testingv1.ListFaultsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	response := &testingv1.ListFaultsResponse{}
	for _, fault := range f.byMethod {
		response.Faults = append(response.Faults, fault)
	}
	return response, nil
}

// GetCallCounts returns how often each method was called and each id was requested.
func (f *faults) GetCallCounts(
	context.Context, *testingv1.GetCallCountsRequest,
) (*testingv1.GetCallCountsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &testingv1.GetCallCountsResponse{Calls: copyOf(f.calls), Ids: copyOf(f.ids)}, nil
}

func copyOf(counts map[string]int64) map[string]int64 {
	copied := make(map[string]int64, len(counts))
	for name, count := range counts {
		copied[name] = count
	}
	return copied
}

// ResetCallCounts sets all counts to 0.
func (f *faults) ResetCallCounts(
	context.Context, *testingv1.ResetCallCountsRequest,
) (*testingv1.ResetCallCountsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.calls)
	clear(f.ids)
	return &testingv1.ResetCallCountsResponse{}, nil
}

// countAndFind counts a call, and returns the fault that applies to it; nil for none.
func (f *faults) countAndFind(method string, ids []string) *testingv1.Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[method]++
	for _, id := range ids {
		f.ids[id]++
	}
	fault := f.byMethod[method]
	if fault == nil || (len(fault.Ids) > 0 && !intersect(fault.Ids, ids)) {
		return nil
	}
	return fault
}

func intersect(some, others []string) bool {
	return slices.ContainsFunc(some, func(one string) bool { return slices.Contains(others, one) })
}
