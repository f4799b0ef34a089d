package rpc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
)

// maxTimeout is the longest that a call may take, also when its caller sets no deadline.
const maxTimeout = 60 * time.Second

// Calls is what happens around every call.
type Calls struct {
	log       *slog.Logger
	isOutage  func(error) bool
	durations *prometheus.HistogramVec
}

// NewCalls creates it. isOutage says whether an error means that a store is unavailable, so that the same call can
// succeed later.
func NewCalls(log *slog.Logger, metrics prometheus.Registerer, isOutage func(error) bool) *Calls {
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "orderflow_rpc_server_duration",
		Help:    "Time from the arrival of a request to the end of its response, in seconds",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"service", "method", "code", "protocol"})
	metrics.MustRegister(durations)
	return &Calls{log: log, isOutage: isOutage, durations: durations}
}

// Intercept limits the time of a call, measures it, and converts its error to one that the caller may see. It is the
// outermost interceptor.
func (c *Calls) Intercept(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		began := time.Now()
		response, err := c.limited(ctx, request, next)
		service, method, _ := strings.Cut(strings.TrimPrefix(request.Spec().Procedure, "/"), "/")
		code := "ok"
		if err != nil {
			code = connect.CodeOf(err).String()
		}
		c.durations.WithLabelValues(service, method, code, request.Peer().Protocol).
			Observe(time.Since(began).Seconds())
		return response, err
	}
}

func (c *Calls) limited(
	ctx context.Context, request connect.AnyRequest, next connect.UnaryFunc,
) (response connect.AnyResponse, err error) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) > maxTimeout {
		return nil, Error("MALFORMED_REQUEST",
			fmt.Sprintf("the deadline is more than %v away, which is the longest that a call may have", maxTimeout), nil)
	}
	ctx, cancel := context.WithTimeout(ctx, maxTimeout)
	defer cancel()
	defer func() {
		if recovered := recover(); recovered != nil {
			err = c.shown(ctx, request, fmt.Errorf("panic: %v\n%s", recovered, debug.Stack()))
		}
	}()
	response, err = next(ctx, request)
	if err != nil {
		return nil, c.shown(ctx, request, err)
	}
	return response, nil
}

// shown returns the error that the caller gets. Texts of libraries and stores stay here: they may name what callers
// must not know.
func (c *Calls) shown(ctx context.Context, request connect.AnyRequest, err error) error {
	if Reason(err) != "" {
		return err
	}
	log := c.log.With("rpc", strings.TrimPrefix(request.Spec().Procedure, "/"))
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Error("DEADLINE_EXCEEDED", "the call did not end within its time limit", nil)
	case ctx.Err() != nil:
		return connect.NewError(connect.CodeCanceled, errors.New("the caller has gone"))
	case c.isOutage(err):
		log.Warn("call not served: a store is unavailable", "err", err)
		return Error("DEPENDENCY_UNAVAILABLE", "a store is unavailable: repeat later", nil)
	case connect.CodeOf(err) == connect.CodeUnimplemented:
		return Error("UNIMPLEMENTED", "this method is not implemented", nil)
	}
	id := rand.Text()
	log.Error("call failed", "error_id", id, "err", err)
	return Error("INTERNAL", "", map[string]string{"error_id": id})
}
