import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { errorReason } from './errors.ts';

/** The delay before a stream is opened again, doubled with each attempt that brought nothing; half of it is random. */
const MIN_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** Servers send something every minute. */
const MAX_SILENCE_MS = 150_000;

/** Errors that another attempt may not have: the server stops, or is full, or the token has expired. */
const passing: ReadonlySet<string> = new Set([
  'SHUTTING_DOWN',
  'DEPENDENCY_UNAVAILABLE',
  'TOO_MANY_WATCHERS',
  'OVERLOADED',
  'RATE_LIMITED',
]);

/**
 * Yields the responses of a stream, and opens it again when it ends, when its connection breaks, when it is silent for
 * 150 s, and after errors that pass; UNAUTHENTICATED only if the stream had begun. `open` opens it where the last one
 * ended, and gives it a token that is good. Endless: break out of it.
 * @throws errors that do not pass, what `open` throws, the reason of the signal
 */
export async function* resumedStream<Response>({
  open,
  signal,
  onBreak,
}: {
  readonly open: (signal: AbortSignal) => Promise<AsyncIterable<Response>> | AsyncIterable<Response>;
  readonly signal: AbortSignal;
  /** Called when the stream is interrupted, with the reason: it has not ended as planned. */
  readonly onBreak?: (error: ConnectError) => void;
}): AsyncGenerator<Response, never, undefined> {
  for (let failures = 0; ; ) {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), MAX_SILENCE_MS);
    let hasBegun = false;
    try {
      for await (const response of await open(AbortSignal.any([signal, silence.signal]))) {
        timer.refresh();
        hasBegun = true;
        yield response;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ConnectError) || !isPassing(error, hasBegun)) throw error;
      onBreak?.(error);
    } finally {
      clearTimeout(timer);
      // Who breaks out of the responses of Connect leaves their stream open: the server would go on.
      silence.abort();
    }
    failures = hasBegun ? 0 : failures + 1;
    const delayMs = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** failures) * (0.5 + Math.random() / 2);
    await sleep(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function isPassing(error: ConnectError, hasBegun: boolean): boolean {
  const reason = errorReason(error);
  if (reason === 'UNAUTHENTICATED') return hasBegun;
  if (reason !== undefined) return passing.has(reason);
  // A connection that could not be made, or was lost: Connect has several codes for that.
  return brokenConnection.has(error.code);
}

const brokenConnection: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.Aborted,
  Code.Canceled,
  Code.Internal,
  Code.Unknown,
  Code.DeadlineExceeded,
]);
