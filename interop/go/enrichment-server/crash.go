package main

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"orderflow.example/go-enrichment/outbox"
)

const crashPoint = "relay-after-ack"

// crashAfterAck kills this process after Kafka has acknowledged events, and before they are deleted: the n-th time, with
// ORDERFLOW_TEST=1 and CRASH_AT=relay-after-ack#n.
type crashAfterAck struct {
	outbox.Publisher
}

var passed int

func (c crashAfterAck) Publish(ctx context.Context, events []outbox.Event) error {
	if err := c.Publisher.Publish(ctx, events); err != nil {
		return err
	}
	passed++
	point := fmt.Sprintf("%s#%d", crashPoint, passed)
	if os.Getenv("ORDERFLOW_TEST") == "1" && os.Getenv("CRASH_AT") == point {
		fmt.Fprintf(os.Stderr, "crash point %s reached, killing this process\n", point)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return nil
}
