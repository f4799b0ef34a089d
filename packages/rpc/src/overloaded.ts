import type { ConnectError } from '@connectrpc/connect';
import { RetryInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import { counter, type Logger, type Meter } from '@orderflow/runtime';
import { rpcError } from './errors.ts';
import { metric } from './metrics.ts';
import { periodicWarning } from './periodic-warning.ts';

/**
 * Why a call is OVERLOADED, its `metadata.cause`: there is no memory for its request; too many calls of its method
 * run; the event loop is late; too many streams are open; too many requests wait to be decompressed.
 */
export type OverloadCause = 'memory' | 'calls' | 'event_loop' | 'streams' | 'decompression';

const RETRY_SECONDS = 1n;

const texts: Readonly<Record<OverloadCause, string>> = {
  memory: 'the server has no memory for more requests: repeat later',
  calls: 'the server carries out as many calls of this method as it can: repeat later',
  event_loop: 'the server is behind with its calls: repeat later',
  streams:
    'as many health watches and reflection streams are open as are allowed: repeat later, or use Check',
  decompression: 'the server has too many requests to decompress: repeat later',
};

/** Creates OVERLOADED, with the time after which to repeat the call. */
export function overloaded(cause: OverloadCause): ConnectError {
  return rpcError('OVERLOADED', texts[cause], { cause }, [
    { desc: RetryInfoSchema, value: { retryDelay: { seconds: RETRY_SECONDS } } },
  ]);
}

/** Counts and reports the calls that were refused. */
export function reportRefusals(logger: Logger, meter: Meter | undefined): (cause: OverloadCause) => void {
  const refusals = meter && counter(meter, metric.rpcCallsRefused);
  const warn = periodicWarning<OverloadCause>(
    logger,
    'overloaded: calls were refused, counted by cause; see docs/operations.md',
  );
  return (cause) => {
    refusals?.add(1, { cause });
    warn(cause);
  };
}
