package outbox

import "context"

// PublishBatch is one step of Run, for tests.
func (r *Relay) PublishBatch(ctx context.Context) (int, error) { return r.publishBatch(ctx) }
