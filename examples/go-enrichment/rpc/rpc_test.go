package rpc

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
)

func TestPageTokensBelongToTheirList(t *testing.T) {
	token := PageToken("customers", `c-1 "é" <`)
	if id, err := AfterID("customers", token); err != nil || id != `c-1 "é" <` {
		t.Errorf("got %q, %v", id, err)
	}
	if id, err := AfterID("customers", ""); err != nil || id != "" {
		t.Errorf("the first page: got %q, %v", id, err)
	}
	for _, wrong := range []string{
		"garbage", token + "x", token[1:], PageToken("products", "p-1"), PageToken("customers", "nul\x00"),
		tokenOf("customers", []byte(`["a","b"]`)), tokenOf("customers", []byte(`{}`)),
		base64.RawURLEncoding.EncodeToString([]byte("short")),
	} {
		if _, err := AfterID("customers", wrong); Reason(err) != "PAGE_TOKEN_INVALID" {
			t.Errorf("%q: got %v", wrong, err)
		}
	}
}

func TestErrorsRepeatLittleOfWhatTheCallerSent(t *testing.T) {
	id := strings.Repeat("é", 100)
	failure := Error("CUSTOMER_NOT_FOUND", "customer "+id+" does not exist", map[string]string{"customer_id": id})
	if got := failure.Message(); len(got) > 100 || !strings.Contains(got, "é… does not exist") {
		t.Errorf("message %q", got)
	}
	if got := Error("INTERNAL", strings.Repeat("x", 1000), nil).Message(); len(got) != maxMessageBytes {
		t.Errorf("%d bytes", len(got))
	}
}

func TestOfManyViolationsTheFirstAreReturnedAndAllCounted(t *testing.T) {
	request := &enrichmentv1.BatchGetCustomersRequest{CustomerIds: make([]string, 120)}
	validate := ValidateRequests(func(context.Context, connect.AnyRequest) (connect.AnyResponse, error) {
		t.Error("the handler was called")
		return nil, nil
	})
	_, err := validate(t.Context(), connect.NewRequest(request))
	var failure *connect.Error
	if !errors.As(err, &failure) || !strings.HasSuffix(failure.Message(), "(and 119 more)") {
		t.Fatalf("got %v", err)
	}
	for _, detail := range failure.Details() {
		value, err := detail.Value()
		if err != nil {
			t.Fatal(err)
		}
		switch value := value.(type) {
		case *errdetails.ErrorInfo:
			if value.Reason != "INVALID_REQUEST" || value.Metadata["violations"] != "120" {
				t.Errorf("got %v", value)
			}
		case *errdetails.BadRequest:
			first := value.FieldViolations[0]
			count := len(value.FieldViolations)
			if count < 40 || count > 50 || proto.Size(value) > 5<<10 || first.Field != "customer_ids[0]" || first.Reason != "string.min_len" {
				t.Errorf("%d violations, first %v", count, first)
			}
		}
	}
}
