package server

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"orderflow.example/go-enrichment/access"
	"orderflow.example/go-enrichment/rpc"
)

// Service is a service of a contract: its full name, and what makes its handler, as generated code has it.
type Service struct {
	Name    string
	Handler func(...connect.HandlerOption) (string, http.Handler)
}

// Parts are what a handler is made of.
type Parts struct {
	Services []Service
	// Tokens are required of callers; nil: everybody may call everything.
	Tokens *access.Tokens
	// Check fails while the process cannot serve calls.
	Check func(context.Context) error
	// IsOutage says whether an error means that a store is unavailable.
	IsOutage func(error) bool
	Log      *slog.Logger
}

// Handler serves the services, health, reflection and metrics. It fails when a contract does not say who may call a
// method.
func Handler(parts Parts) (http.Handler, *rpc.Health, error) {
	var names []string
	for _, service := range parts.Services {
		names = append(names, service.Name)
	}
	gate, err := access.NewGate(parts.Tokens, parts.Log, names...)
	if err != nil {
		return nil, nil, err
	}
	metrics := prometheus.NewRegistry()
	calls := rpc.NewCalls(parts.Log, metrics, parts.IsOutage)
	options := []connect.HandlerOption{
		connect.WithReadMaxBytes(MaxRequestBytes),
		// The first is the outermost.
		connect.WithInterceptors(
			connect.UnaryInterceptorFunc(calls.Intercept),
			connect.UnaryInterceptorFunc(gate.LimitToOwn),
			connect.UnaryInterceptorFunc(rpc.ValidateRequests),
		),
	}
	mux := http.NewServeMux()
	for _, service := range parts.Services {
		path, handler := service.Handler(options...)
		mux.Handle(path, gate.Wrap(handler))
	}
	health := rpc.NewHealth(parts.Check, names...)
	limit := connect.WithReadMaxBytes(MaxRequestBytes)
	mux.Handle(grpchealth.NewHandler(health, limit))
	reflector := grpcreflect.NewStaticReflector(append(names, grpchealth.HealthV1ServiceName)...)
	mux.Handle(grpcreflect.NewHandlerV1(reflector, limit))
	mux.Handle(grpcreflect.NewHandlerV1Alpha(reflector, limit))
	mux.HandleFunc("GET /health/live", health.ServeLive)
	mux.HandleFunc("GET /health/ready", health.ServeReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux, health, nil
}

// kind is how a path is limited.
type kind int

const (
	call kind = iota
	// stream: its calls may last.
	stream
	// page: it is always served.
	page
)

// kinds are the paths, by their beginnings, that are not those of calls.
var kinds = map[string]kind{
	"/" + grpchealth.HealthV1ServiceName + "/Check": page,
	"/health/": page,
	"/metrics": page,
	"/" + grpchealth.HealthV1ServiceName + "/Watch":   stream,
	"/" + grpcreflect.ReflectV1ServiceName + "/":      stream,
	"/" + grpcreflect.ReflectV1AlphaServiceName + "/": stream,
}

func kindOf(path string) kind {
	for prefix, kind := range kinds {
		if strings.HasPrefix(path, prefix) {
			return kind
		}
	}
	return call
}
