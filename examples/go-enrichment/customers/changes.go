package customers

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"
	enrichmentv1 "orderflow.example/gen/orderflow/enrichment/v1"
	"orderflow.example/gen/orderflow/enrichment/v1/enrichmentv1connect"
	"orderflow.example/go-enrichment/rpc"
)

// The methods that change customers, as stored responses name them.
const (
	createMethod = enrichmentv1connect.CustomerServiceName + "/CreateCustomer"
	updateMethod = enrichmentv1connect.CustomerServiceName + "/UpdateCustomer"
	putMethod    = enrichmentv1connect.CustomerServiceName + "/PutCustomer"
)

// Call identifies a call that its caller can repeat.
type Call struct {
	// CallerID, Method and RequestID identify it together: two callers may use the same request_id.
	CallerID, Method, RequestID string
	// ContentHash is equal for calls with the same content.
	ContentHash []byte
}

// Reused is the error for a call whose request_id its caller has used before with other content.
func (c *Call) Reused() error {
	return rpc.Error("REQUEST_ID_REUSED",
		fmt.Sprintf("request_id %s was used for another %s: choose a new one for every new request", c.RequestID, c.Method),
		map[string]string{"request_id": c.RequestID})
}

// content is what Customer and CustomerContent have in common.
type content interface {
	GetCustomerId() string
	GetName() string
	GetEmail() string
	GetAddress() string
}

// callOf checks what the contract cannot say of a request, and returns the call that it is; nil when its caller gave no
// request_id, and so does not repeat it.
func callOf(
	ctx context.Context, method string, request interface {
		proto.Message
		GetRequestId() string
	}, wanted content,
) (*Call, error) {
	if err := rpc.Storable("customer.name", wanted.GetName()); err != nil {
		return nil, err
	}
	if err := rpc.Storable("customer.address", wanted.GetAddress()); err != nil {
		return nil, err
	}
	if request.GetRequestId() == "" {
		return nil, nil
	}
	if err := rpc.Storable("request_id", request.GetRequestId()); err != nil {
		return nil, err
	}
	callerID, err := rpc.CallerID(ctx)
	if err != nil {
		return nil, err
	}
	bytes, err := knownBytes(request)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(bytes)
	return &Call{CallerID: callerID, Method: method, RequestID: request.GetRequestId(), ContentHash: hash[:]}, nil
}

// knownBytes encodes a request without the fields that this version does not know: they are not part of its content.
func knownBytes(request proto.Message) ([]byte, error) {
	bytes, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	known := request.ProtoReflect().New().Interface()
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(bytes, known); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(known)
}

func contentOf(wanted content, active bool) *enrichmentv1.Customer {
	return &enrichmentv1.Customer{
		CustomerId: wanted.GetCustomerId(),
		Name:       wanted.GetName(),
		Email:      wanted.GetEmail(),
		Address:    wanted.GetAddress(),
		Active:     active,
	}
}

// replace gives a customer new content.
func replace(
	ctx context.Context, changes Changes, current, updated *enrichmentv1.Customer,
) (*enrichmentv1.Customer, error) {
	updated.Version = current.Version
	updated.CreateTime = current.CreateTime
	return updated, changes.Update(ctx, updated)
}

// checkVersion compares the version that a caller has read, 0 for any, with the current one, which is 0 for a customer
// that does not exist.
func checkVersion(id string, current, given int64) error {
	if given == 0 || given == current {
		return nil
	}
	state := "does not exist"
	if current != 0 {
		state = fmt.Sprintf("is at version %d, not %d", current, given)
	}
	return rpc.Error("VERSION_MISMATCH",
		fmt.Sprintf("customer %s %s: read it again, apply the change, repeat", id, state),
		map[string]string{
			"customer_id":     id,
			"current_version": strconv.FormatInt(current, 10),
			"given_version":   strconv.FormatInt(given, 10),
		})
}
