import type { DescMethod } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { Health as HealthService } from '@orderflow/contracts/grpc/health/v1/health';
import { type OverloadCause, overloaded } from './overloaded.ts';

/** The longest that a call should take, in milliseconds: the limit is the number of calls that end in this time. */
const TARGET_MS = 2_000;
/** So many calls are always carried out at once, however long they take: with fewer, they do not wait for each other. */
const MIN_CALLS = 64;
/** The share of the limit for methods with side effects; the rest is for reads, such as those of people on call. */
const WRITES_SHARE = 7 / 8;
/** A call that is likely to need more than this share of its time is refused: some take twice as long as others. */
const SAFE_SHARE = 1 / 2;
/** A call that is seen when a turn of the event loop has lasted this long has waited for as long to be seen. */
const MAX_TURN_MS = 200;

/**
 * Limits the unary calls whose handlers run or wait, of all methods together, to what the server can carry out in time:
 * one call too many gets OVERLOADED at once, instead of DEADLINE_EXCEEDED later. Health checks always pass, and streams
 * have a limit of their own.
 */
export interface CallLimit {
  /**
   * Why a call has to be refused whose headers have arrived, so that no request is read in vain; undefined: it is
   * admitted. `timeoutMs`: until its deadline.
   */
  refusal(method: DescMethod, timeoutMs: number | undefined): OverloadCause | undefined;
  /**
   * Carries out a call whose request has arrived. It counts until `work` has settled, also when its caller had
   * DEADLINE_EXCEEDED before. Rejects with OVERLOADED when there are too many.
   */
  run<T>(method: DescMethod, work: () => Promise<T>): Promise<T>;
}

/** The limit is `maxCalls`, or less while calls are known to take long. */
export function createCallLimit(maxCalls: number): CallLimit {
  const minCalls = Math.min(MIN_CALLS, maxCalls);
  let running = 0;
  /** Calls that end in a millisecond, while there were never fewer than `minCalls`; undefined when it is not known. */
  let rate: number | undefined;
  /** What the next rate is measured by: the calls that have ended since. */
  let ended = 0;
  let since = 0;

  /** The turn of the event loop: when its first call was seen, and how many it has carried out. */
  let turn: { readonly began: number; calls: number } | undefined;

  function isTurnLate(): boolean {
    const now = performance.now();
    if (turn !== undefined) {
      return now - turn.began > MAX_TURN_MS && Math.max(running, turn.calls) >= minCalls;
    }
    turn = { began: now, calls: 0 };
    setImmediate(() => {
      turn = undefined;
    });
    return false;
  }

  /** Measures the rate: with few calls it says how many are made, not how many could be. */
  function measure(): void {
    const now = performance.now();
    if (running < minCalls) {
      rate = undefined;
      ended = 0;
      since = now;
    } else if (now - since >= TARGET_MS) {
      rate = ended / (now - since);
      ended = 0;
      since = now;
    }
  }

  function isFull({ idempotency }: DescMethod): boolean {
    const limit = rate === undefined ? maxCalls : Math.max(minCalls, Math.min(maxCalls, rate * TARGET_MS));
    const isRead = idempotency === IdempotencyLevel.NO_SIDE_EFFECTS;
    return running >= (isRead ? limit : limit * WRITES_SHARE);
  }

  /** With the rate of now, whatever the calls are. */
  function needsLongerThan(ms: number): boolean {
    return rate !== undefined && running / rate > ms;
  }

  return {
    refusal(method, timeoutMs) {
      if (isUnlimited(method)) return undefined;
      measure();
      if (isTurnLate()) return 'event_loop';
      if (isFull(method)) return 'calls';
      return timeoutMs !== undefined && needsLongerThan(timeoutMs * SAFE_SHARE) ? 'deadline' : undefined;
    },

    async run(method, work) {
      if (isUnlimited(method)) return work();
      // In the time in which the request has arrived others were admitted.
      if (isTurnLate()) throw overloaded('event_loop');
      if (isFull(method)) throw overloaded('calls');
      measure();
      if (turn) turn.calls++;
      running++;
      try {
        return await work();
      } finally {
        running--;
        ended++;
        measure();
      }
    },
  };
}

function isUnlimited({ methodKind, parent }: DescMethod): boolean {
  return methodKind !== 'unary' || parent === HealthService;
}
