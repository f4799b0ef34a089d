// Command client makes the calls that it reads from standard input, one JSON object a line, with
// the clients that a Go program would have: `client connect` with those of connect-go, `client grpc`
// with those of grpc-go. It writes one line for each call, in the order in which they end. The end
// of the input cancels what is in flight and ends the program.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// request is one call to make.
type request struct {
	ID                  json.RawMessage   `json:"id"`
	URL                 string            `json:"url"`
	Service             string            `json:"service"`
	Method              string            `json:"method"`
	Request             json.RawMessage   `json:"request"`
	Headers             map[string]string `json:"headers"`
	TimeoutMs           *int64            `json:"timeoutMs"`
	CancelAfterMessages int               `json:"cancelAfterMessages"`
	CancelAfterMs       *int64            `json:"cancelAfterMs"`
}

// outcome is how a call ended, before it is written as JSON.
type outcome struct {
	code     connect.Code // 0: the call succeeded
	message  string
	details  []*anypb.Any
	messages []proto.Message
	headers  map[string]string
	trailers map[string]string
}

// caller makes a call of a kind of generated clients. The error is about the driver: a method that
// there is not, or a request that is not of its type. received is called after each message.
type caller func(ctx context.Context, request *request, received func(count int)) (*outcome, error)

func main() {
	callers := map[string]caller{"connect": callConnect, "grpc": callGrpc}
	if len(os.Args) != 2 || callers[os.Args[1]] == nil {
		log.Fatal("usage: client connect|grpc")
	}
	if err := run(os.Stdin, os.Stdout, callers[os.Args[1]]); err != nil {
		log.Fatal(err)
	}
}

func run(input io.Reader, output io.Writer, call caller) error {
	ctx, cancel := context.WithCancel(context.Background())
	answers := json.NewEncoder(output)
	var writing sync.Mutex
	var calls sync.WaitGroup
	defer calls.Wait()
	defer cancel()
	for requests := json.NewDecoder(input); ; {
		request := new(request)
		if err := requests.Decode(request); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("the input is not what it should be: %w", err)
		}
		calls.Go(func() {
			answer := answerTo(ctx, request, call)
			writing.Lock()
			defer writing.Unlock()
			if err := answers.Encode(answer); err != nil {
				log.Fatal(err)
			}
		})
	}
}

func answerTo(ctx context.Context, request *request, call caller) map[string]any {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if request.TimeoutMs != nil {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, time.Duration(*request.TimeoutMs)*time.Millisecond)
		defer stop()
	}
	if request.CancelAfterMs != nil {
		defer time.AfterFunc(time.Duration(*request.CancelAfterMs)*time.Millisecond, cancel).Stop()
	}
	ended, err := call(ctx, request, func(count int) {
		if count == request.CancelAfterMessages {
			cancel()
		}
	})
	if err != nil {
		return map[string]any{"id": request.ID, "broken": err.Error()}
	}
	return toJSON(request.ID, ended)
}
