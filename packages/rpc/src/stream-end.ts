import type { ContextValues } from '@connectrpc/connect';
import { callerKey } from './access/caller.ts';
import { unauthenticated } from './access/tokens.ts';
import { CallEnd, type Ending } from './call-end.ts';

/** Node's timers fire at once when they are given more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The end of a stream of responses, until it is disposed of. */
export interface StreamEnd extends Disposable {
  readonly ending: Ending;
}

/**
 * Ends a stream of responses with the call, and before that when the server stops, with the reason of `closing`, and when
 * the token of its caller expires, with UNAUTHENTICATED: it could go on for hours otherwise.
 */
export function endOfStream(
  { signal, contextValues }: { readonly signal: AbortSignal; readonly contextValues: ContextValues },
  closing: AbortSignal,
): StreamEnd {
  const ending = new CallEnd();
  const onCallEnd = () => ending.abort(signal.reason);
  const onClosing = () => ending.abort(closing.reason);
  signal.addEventListener('abort', onCallEnd, { once: true });
  closing.addEventListener('abort', onClosing, { once: true });
  if (signal.aborted) onCallEnd();
  if (closing.aborted) onClosing();
  const caller = contextValues.get(callerKey);
  const expiry =
    caller &&
    setTimeout(
      () => ending.abort(unauthenticated('it has expired')),
      Math.min(caller.expiresAt - Date.now(), MAX_TIMER_MS),
    );
  const dispose = () => {
    clearTimeout(expiry);
    signal.removeEventListener('abort', onCallEnd);
    closing.removeEventListener('abort', onClosing);
  };
  // A stream of which nothing is taken any more is never disposed of.
  ending.addEventListener('abort', dispose);
  if (ending.aborted) dispose();
  return { ending, [Symbol.dispose]: dispose };
}
