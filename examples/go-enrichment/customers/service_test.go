package customers

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/go-enrichment/rpc"
)

func newService(ids ...string) (*Service, *memory) {
	store := &memory{byID: map[string]*enrichmentv1.Customer{}}
	for _, id := range ids {
		store.byID[id] = &enrichmentv1.Customer{
			CustomerId: id, Name: "Ada", Address: "1 Mill Lane", Active: true, Version: 1,
		}
	}
	return New(store), store
}

func TestABatchHasEveryIDOnce(t *testing.T) {
	service, _ := newService("c-1", "c-2")
	response, err := service.BatchGetCustomers(t.Context(),
		&enrichmentv1.BatchGetCustomersRequest{CustomerIds: []string{"c-3", "c-1", "c-1", "c-3"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(response.Customers) != 1 || !slices.Equal(response.NotFoundCustomerIds, []string{"c-3"}) {
		t.Errorf("got %v", response)
	}
}

func TestPagesHaveEveryCustomerOnce(t *testing.T) {
	service, _ := newService("c-1", "c-2", "c-3", "c-4")
	var ids []string
	request := &enrichmentv1.ListCustomersRequest{PageSize: 2}
	for {
		page, err := service.ListCustomers(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, customer := range page.Customers {
			ids = append(ids, customer.CustomerId)
		}
		if request.PageToken = page.NextPageToken; page.NextPageToken == "" {
			break
		}
	}
	if !slices.Equal(ids, []string{"c-1", "c-2", "c-3", "c-4"}) {
		t.Errorf("got %v", ids)
	}
}

func TestAnUpdateKeepsTheAddressThatItDoesNotSay(t *testing.T) {
	service, store := newService("c-1")
	request := &enrichmentv1.UpdateCustomerRequest{
		Customer: &enrichmentv1.Customer{CustomerId: "c-1", Name: "Grace", Version: 1},
	}
	response, err := service.UpdateCustomer(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	want := &enrichmentv1.Customer{CustomerId: "c-1", Name: "Grace", Address: "1 Mill Lane", Version: 2}
	if !proto.Equal(response.Customer, want) || !slices.Equal(store.published, []int64{2}) {
		t.Errorf("got %v, published %v", response.Customer, store.published)
	}
	// By now version 1 is an old one.
	if _, err := service.UpdateCustomer(t.Context(), request); rpc.Reason(err) != "VERSION_MISMATCH" {
		t.Errorf("got %v", err)
	}
}

func TestAPutReplacesWhatItDoesNotSayExceptActive(t *testing.T) {
	service, _ := newService()
	put := func(content *enrichmentv1.CustomerContent) (*enrichmentv1.Customer, error) {
		content.CustomerId = "c-1"
		response, err := service.PutCustomer(t.Context(), &enrichmentv1.PutCustomerRequest{Customer: content})
		return response.GetCustomer(), err
	}
	if _, err := put(&enrichmentv1.CustomerContent{Version: 1}); rpc.Reason(err) != "VERSION_MISMATCH" {
		t.Errorf("a version of a customer that does not exist: %v", err)
	}
	created, err := put(&enrichmentv1.CustomerContent{Name: "Ada", Address: "1 Mill Lane"})
	if err != nil || !created.Active || created.Version != 1 {
		t.Fatalf("got %v, %v", created, err)
	}
	if _, err := put(&enrichmentv1.CustomerContent{Name: "Ada", Active: proto.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	replaced, err := put(&enrichmentv1.CustomerContent{Name: "Grace", Version: 2})
	if err != nil || replaced.Active || replaced.Address != "" || replaced.Version != 3 {
		t.Errorf("got %v, %v", replaced, err)
	}
}

func TestTheSameContentIsTheSameCall(t *testing.T) {
	request := func(name string, unknown []byte) *Call {
		message := &enrichmentv1.CreateCustomerRequest{
			Customer: &enrichmentv1.Customer{CustomerId: "c-1", Name: name}, RequestId: "r",
		}
		message.Customer.ProtoReflect().SetUnknown(unknown)
		call, err := callOf(t.Context(), createMethod, message, message.Customer)
		if err != nil {
			t.Fatal(err)
		}
		return call
	}
	first := request("Ada", nil)
	// A field that this version does not know: number 100, value 1.
	if again := request("Ada", []byte{0xa0, 0x06, 0x01}); !slices.Equal(again.ContentHash, first.ContentHash) {
		t.Error("an unknown field is part of the content")
	}
	if other := request("Grace", nil); slices.Equal(other.ContentHash, first.ContentHash) {
		t.Error("another name is the same content")
	}
}
