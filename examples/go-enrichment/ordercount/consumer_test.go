package ordercount_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	ordereventv1 "orderflow.example/gen/orderflow/order/event/v1"
	"orderflow.example/go-enrichment/ordercount"
	"orderflow.example/go-enrichment/storetest"
)

// store says when something is counted.
type store chan struct{}

func (s store) Count(context.Context, []ordercount.Order) error {
	s <- struct{}{}
	return nil
}

// freezing is a connection on which nothing arrives any more once frozen is closed.
type freezing struct {
	net.Conn
	frozen <-chan struct{}
}

func (f *freezing) Read(bytes []byte) (int, error) {
	for {
		read, err := f.Conn.Read(bytes)
		select {
		case <-f.frozen:
			if err == nil {
				continue
			}
		default:
		}
		return read, err
	}
}

func TestABrokerThatDoesNotAnswerDoesNotKeepTheProcess(t *testing.T) {
	frozen := make(chan struct{})
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &freezing{Conn: conn, frozen: frozen}, err
	}
	brokers := kgo.SeedBrokers(strings.Split(storetest.Env(t, "KAFKA_BROKERS"), ",")...)
	prefix := strings.ToLower(t.Name()) + time.Now().Format("150405.000000") + "."
	client, err := kgo.NewClient(brokers, kgo.DefaultProduceTopic(prefix+ordercount.OrderEvents))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, -1, nil, prefix+ordercount.OrderEvents); err != nil {
		t.Fatal(err)
	}
	event := &ordereventv1.OrderAccepted{OrderId: "o-1", CustomerId: "c-1"}
	value, err := proto.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	name := kgo.RecordHeader{Key: "ce_type", Value: []byte(event.ProtoReflect().Descriptor().FullName())}
	record := &kgo.Record{Value: value, Headers: []kgo.RecordHeader{name}}
	counted := make(store, 1)
	counter, err := ordercount.New([]kgo.Opt{brokers, kgo.Dialer(dial)}, prefix, 6*time.Second, counted, storetest.Quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		counter.Run(ctx)
		close(ended)
	}()
	if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	<-counted
	close(frozen)
	stop()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it still waits for the broker after 20 s")
	}
}
