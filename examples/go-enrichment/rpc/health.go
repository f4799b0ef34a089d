package rpc

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/grpchealth"
)

const (
	healthCheckLimit = time.Second
	// Probes cannot overload a store: a result is used again for this time.
	healthCacheTime = 500 * time.Millisecond
	watchInterval   = 250 * time.Millisecond
)

// Health says whether this process should get calls. It implements grpchealth.Watcher.
type Health struct {
	services []string
	check    func(context.Context) error
	draining atomic.Bool

	mu        sync.Mutex
	checkedAt time.Time
	problem   error
}

// NewHealth creates it. check fails while the process cannot serve calls, and is given 1 s.
func NewHealth(check func(context.Context) error, services ...string) *Health {
	return &Health{services: services, check: check}
}

// Drain makes the process not ready for the rest of its life, so that callers use another instance.
func (h *Health) Drain() { h.draining.Store(true) }

// Ready returns why the process should get no calls; nil when it should.
func (h *Health) Ready(ctx context.Context) error {
	if h.draining.Load() {
		return Error("SHUTTING_DOWN", "this instance is stopping", nil)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.checkedAt) >= healthCacheTime {
		// Without the caller's cancellation: others get this result, too.
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthCheckLimit)
		defer cancel()
		h.problem = h.check(limited)
		h.checkedAt = time.Now()
	}
	return h.problem
}

// Check implements grpc.health.v1.Health/Check.
func (h *Health) Check(
	ctx context.Context, request *grpchealth.CheckRequest,
) (*grpchealth.CheckResponse, error) {
	if request.Service != "" && !slices.Contains(h.services, request.Service) {
		return nil, Error("SERVICE_UNKNOWN", "no service of this name exists here: "+Echoed(request.Service), nil)
	}
	if h.Ready(ctx) != nil {
		return &grpchealth.CheckResponse{Status: grpchealth.StatusNotServing}, nil
	}
	return &grpchealth.CheckResponse{Status: grpchealth.StatusServing}, nil
}

// Watch implements grpc.health.v1.Health/Watch.
func (h *Health) Watch(_ context.Context, _ *grpchealth.CheckRequest, onChange func()) (func(), error) {
	ticker := time.NewTicker(watchInterval)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				onChange()
			case <-done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		ticker.Stop()
		close(done)
	}), nil
}

// ServeLive serves /health/live: whether the process runs. It checks no store, because a restart would not help one.
func (h *Health) ServeLive(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]bool{"live": true})
}

// ServeReady serves /health/ready: 503 while the process should get no calls.
func (h *Health) ServeReady(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	if h.Ready(r.Context()) != nil {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, map[string]bool{"ready": status == http.StatusOK, "draining": h.draining.Load()})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
