import { Code, ConnectError } from '@connectrpc/connect';
import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
} from 'cockatiel';
import { errorReason, isOwnError, rpcError } from './errors.ts';
import { isTooMuch } from './transport-errors.ts';
import { untilAborted } from './until-aborted.ts';

/** The protection of calls to one peer. Times in milliseconds. */
export interface RpcPolicies {
  /**
   * For the whole call: waiting, all attempts and the delays between them. A caller's own `timeoutMs` can only be
   * shorter.
   */
  readonly totalTimeoutMs: number;
  /** For one attempt, sent to the peer as its deadline. */
  readonly tryTimeoutMs: number;
  /** Attempts after the first; only for methods that may be repeated. */
  readonly retries: number;
  /** The approximate delay before the first retry; doubles, with jitter. */
  readonly retryDelayMs: number;
  /** The number of consecutive attempts ending UNAVAILABLE or DEADLINE_EXCEEDED that opens the circuit. */
  readonly breakerFailures: number;
  /** How long the circuit stays open before one call may try again. */
  readonly breakerResetMs: number;
  /** The maximum number of attempts in flight. */
  readonly maxConcurrent: number;
  /** The maximum number of queued attempts; beyond it calls fail at once. */
  readonly maxQueued: number;
}

export const defaultRpcPolicies: RpcPolicies = {
  totalTimeoutMs: 5000,
  tryTimeoutMs: 1500,
  retries: 2,
  retryDelayMs: 100,
  breakerFailures: 5,
  breakerResetMs: 5000,
  maxConcurrent: 32,
  maxQueued: 256,
};

export type BreakerState = 'closed' | 'half-open' | 'open';

/** One attempt: must stop when `signal` aborts, and after `timeoutMs`. */
export type Try<T> = (signal: AbortSignal, timeoutMs: number) => Promise<T>;

export interface ProtectedCalls {
  /** Runs `once` under the policies. Rejects with a ConnectError. */
  call<T>(options: {
    repeatable: boolean;
    signal?: AbortSignal;
    timeoutMs?: number;
    once: Try<T>;
  }): Promise<T>;
  breakerState(): BreakerState;
}

/** The response of an attempt: an error of the peer is a response too, and shows that the peer works. */
type AttemptResult<T> = { value: T } | { error: ConnectError };

/** Time-outs of attempts that had less than their full time, which say nothing about the peer. */
const cutShort = new WeakSet<Error>();

/**
 * Applies, outermost first: total deadline, retry with jitter, breaker, bulkhead, time limit per attempt. `name` stands
 * for the peer in error texts.
 */
export function createProtectedCalls(options: {
  name: string;
  policies: RpcPolicies;
  onBreakerChange: (state: BreakerState, cause: unknown) => void;
}): ProtectedCalls {
  const { name, policies, onBreakerChange } = options;
  if (policies.tryTimeoutMs > policies.totalTimeoutMs) {
    throw new RangeError(
      `${name}: tryTimeoutMs (${policies.tryTimeoutMs}) must not be longer than totalTimeoutMs (${policies.totalTimeoutMs})`,
    );
  }

  const waiting = bulkhead(policies.maxConcurrent, policies.maxQueued);
  const breaker = circuitBreaker(
    // While half-open, only a response may close the circuit: cockatiel treats unhandled errors as a success.
    handleWhen((error) => isOutage(error) || breaker.state === CircuitState.HalfOpen),
    { halfOpenAfter: policies.breakerResetMs, breaker: new ConsecutiveBreaker(policies.breakerFailures) },
  );
  breaker.onStateChange(() => onBreakerChange(breakerState(), lastError()));
  const retrying = retry(handleWhen(isWorthRepeating), {
    maxAttempts: policies.retries,
    backoff: new ExponentialBackoff({
      initialDelay: policies.retryDelayMs,
      maxDelay: policies.totalTimeoutMs,
    }),
  });

  function breakerState(): BreakerState {
    if (breaker.state === CircuitState.Closed) return 'closed';
    return breaker.state === CircuitState.HalfOpen ? 'half-open' : 'open';
  }

  function lastError(): unknown {
    const failure = breaker.lastFailure;
    return failure && 'error' in failure ? failure.error : undefined;
  }

  async function tryOnce<T>(once: Try<T>, endsAt: number, signal: AbortSignal): Promise<AttemptResult<T>> {
    signal.throwIfAborted();
    // gRPC and Connect send whole milliseconds.
    const left = Math.max(1, Math.ceil(endsAt - performance.now()));
    const timeoutMs = Math.min(policies.tryTimeoutMs, left);
    const beganAt = performance.now();
    try {
      return { value: await once(signal, timeoutMs) };
    } catch (reason) {
      const error = ConnectError.from(reason);
      const hadItsTime = performance.now() - beganAt >= 0.9 * policies.tryTimeoutMs;
      if (error.code === Code.DeadlineExceeded && !error.isWireError && !hadItsTime) cutShort.add(error);
      if (signal.aborted || isOutageCode(error.code)) throw error;
      return { error };
    }
  }

  async function attempt<T>(once: Try<T>, endsAt: number, signal: AbortSignal): Promise<T> {
    // Cockatiel lets callers wait for the outcome of the probe, but an open circuit must fail fast.
    if (breaker.state === CircuitState.HalfOpen) throw circuitOpen(name);
    try {
      const result = await breaker.execute(
        () => waiting.execute(() => tryOnce(once, endsAt, signal), signal),
        signal,
      );
      if ('error' in result) throw result.error;
      return result.value;
    } catch (error) {
      if (error instanceof BrokenCircuitError) throw circuitOpen(name);
      if (error instanceof BulkheadRejectedError) {
        throw rpcError('TOO_MANY_CALLS', `${name}: too many calls are in flight`);
      }
      throw error;
    }
  }

  return {
    breakerState,
    async call({ repeatable, signal: callerSignal, timeoutMs, once }) {
      const limitMs = Math.min(timeoutMs ?? policies.totalTimeoutMs, policies.totalTimeoutMs);
      const endsAt = performance.now() + limitMs;
      const deadline = new AbortController();
      const timer = setTimeout(
        () => deadline.abort(rpcError('DEADLINE_EXCEEDED', `${name}: no response within ${limitMs} ms`)),
        limitMs,
      );
      const signal = callerSignal ? AbortSignal.any([callerSignal, deadline.signal]) : deadline.signal;
      try {
        const work = repeatable
          ? retrying.execute(() => attempt(once, endsAt, signal), signal)
          : attempt(once, endsAt, signal);
        return await untilAborted(work, signal, () => {});
      } catch (error) {
        throw ConnectError.from(error);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function circuitOpen(name: string): ConnectError {
  return rpcError('CIRCUIT_OPEN', `${name}: not called, because recent calls failed`);
}

function isOutage(error: unknown): boolean {
  return error instanceof ConnectError && isOutageCode(error.code) && !cutShort.has(error);
}

function isWorthRepeating(error: unknown): boolean {
  if (!(error instanceof ConnectError) || !isOutageCode(error.code)) return false;
  // It asks for a longer delay than our retries have.
  if (isTooMuch(error.cause)) return false;
  // The call was not sent. (A peer may report the same reasons for a peer of its own.)
  const reason = isOwnError(error) ? errorReason(error) : undefined;
  return reason !== 'CIRCUIT_OPEN' && reason !== 'TOO_MANY_CALLS';
}

function isOutageCode(code: Code): boolean {
  return code === Code.Unavailable || code === Code.DeadlineExceeded;
}
