// Package server serves calls: gRPC, gRPC-Web and Connect on one port, over HTTP/1.1 and cleartext HTTP/2.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/net/netutil"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"
	"orderflow.example/go-enrichment/rpc"
)

const (
	// MaxRequestBytes is above the largest valid request: 200 ids of 256 characters. It is also the limit after
	// decompression.
	MaxRequestBytes = 1 << 20

	maxConnections = 1000
	maxCalls       = 512
	maxStreams     = 100
	// drainTime is how long the process says that it is not ready before it accepts no more calls.
	drainTime = 200 * time.Millisecond
)

// Server is a server that is not started yet.
type Server struct {
	http    *http.Server
	health  *rpc.Health
	closing context.CancelFunc
	// calls and streams have a place for each that may run at a time.
	calls, streams chan struct{}
}

// New creates a server of what Handler has returned.
func New(handler http.Handler, health *rpc.Health, log *slog.Logger) *Server {
	closing, cancel := context.WithCancel(context.Background())
	server := &Server{
		health:  health,
		closing: cancel,
		calls:   make(chan struct{}, maxCalls),
		streams: make(chan struct{}, maxStreams),
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server.http = &http.Server{
		Handler:   server.limited(closing, handler),
		Protocols: protocols,
		// What net/http says, as of a connection that its client ends, is in the log like the rest.
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelInfo),
		ReadHeaderTimeout: 10 * time.Second,
		// A request must arrive whole within this time.
		ReadTimeout: 30 * time.Second,
		// A call takes 60 s at most, and its client 30 s to take the response.
		WriteTimeout:   90 * time.Second,
		IdleTimeout:    300 * time.Second,
		MaxHeaderBytes: 16 << 10,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 256,
			SendPingTimeout:      30 * time.Second,
			PingTimeout:          15 * time.Second,
		},
	}
	return server
}

// limited limits how many calls run at a time. Health checks and pages always pass. Streams may last, and end when the
// server stops.
func (s *Server) limited(closing context.Context, next http.Handler) http.Handler {
	errorWriter := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		places := s.calls
		switch kindOf(r.URL.Path) {
		case page:
			next.ServeHTTP(w, r)
			return
		case stream:
			places = s.streams
			control := http.NewResponseController(w)
			_ = control.SetReadDeadline(time.Time{})
			_ = control.SetWriteDeadline(time.Time{})
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(closing, cancel)()
			r = r.WithContext(ctx)
		}
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			next.ServeHTTP(w, r)
		default:
			_ = errorWriter.Write(w, r, rpc.Error("OVERLOADED", "too many calls are in flight: repeat later",
				map[string]string{"cause": "calls"}, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)}))
		}
	})
}

// Serve serves until ctx ends, and then finishes what it has begun, for up to grace. It returns nil unless serving
// failed, or calls were cut off.
func (s *Server) Serve(ctx context.Context, listener net.Listener, grace time.Duration) error {
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(netutil.LimitListener(listener, maxConnections)) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	s.health.Drain()
	time.Sleep(drainTime)
	s.closing()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := s.http.Shutdown(limited); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}
