import type { DescMethod } from '@bufbuild/protobuf';
import { Health as HealthService } from '@orderflow/contracts/grpc/health/v1/health';
import { type OverloadCause, overloaded } from './overloaded.ts';

/** The longest that a call should take, in milliseconds. */
const TARGET_MS = 1_000;
/** When calls take less than this, in milliseconds, more may run. Above it is known only a second later what more do. */
const QUICK_MS = TARGET_MS / 2;
/** So many calls of a method may always run, however long they take. */
const MIN_CALLS = 64;
/** So many may run before it is known how long they take. */
const FIRST_LIMIT = 256;
/** A call that is seen this late in a turn of the event loop, in milliseconds, has waited for as long to be seen. */
const MAX_TURN_MS = 200;

/**
 * Limits the unary calls whose handlers run or wait, for each method, to about what the server can carry out in a second:
 * one call too many gets OVERLOADED at once, instead of DEADLINE_EXCEEDED later. A method whose calls hang takes nothing
 * from others. Health checks always pass, and streams have a limit of their own.
 */
export interface CallLimit {
  /** Why a call has to be refused whose headers have arrived, so that no request is read in vain. */
  refusal(method: DescMethod): OverloadCause | undefined;
  /**
   * Carries out a call whose request has arrived. It counts until `work` has settled, also when its caller had
   * DEADLINE_EXCEEDED before. Rejects with OVERLOADED when there are too many.
   */
  run<T>(method: DescMethod, work: () => Promise<T>): Promise<T>;
}

/** The calls of a method: how many run, and how many may. */
interface MethodCalls {
  running: number;
  limit: number;
}

/**
 * The limit of a method follows from what its calls take (Little's law): when one of `n` takes `t`, `n / t` end in a
 * second. It increases by one with each quick call, up to `maxCalls`.
 *
 * A process that lacks CPU has its queue in the buffers of sockets, where calls cannot be counted: the age of the event
 * loop's turn says how long that queue has waited.
 */
export function createCallLimit(maxCalls: number): CallLimit {
  const minCalls = Math.min(MIN_CALLS, maxCalls);
  const firstLimit = Math.min(FIRST_LIMIT, maxCalls);
  const methods = new Map<DescMethod, MethodCalls>();
  let running = 0;
  /** The turn of the event loop: when its first call was seen, and how many it has begun. */
  let turn: { readonly began: number; calls: number } | undefined;

  function callsOf(method: DescMethod): MethodCalls {
    let calls = methods.get(method);
    if (calls === undefined) {
      calls = { running: 0, limit: firstLimit };
      methods.set(method, calls);
    }
    return calls;
  }

  function currentTurn(now: number): NonNullable<typeof turn> {
    if (turn === undefined) {
      turn = { began: now, calls: 0 };
      setImmediate(() => {
        turn = undefined;
      });
    }
    return turn;
  }

  function refusal(method: DescMethod): OverloadCause | undefined {
    if (isUnlimited(method)) return undefined;
    const now = performance.now();
    const { began, calls: begun } = currentTurn(now);
    // A few calls do not make a turn late: something else has, such as the start of the process.
    if (now - began > MAX_TURN_MS && Math.max(running, begun) >= minCalls) return 'event_loop';
    const calls = callsOf(method);
    return calls.running < calls.limit ? undefined : 'calls';
  }

  /** Adapts the limit to a call that has ended. `among`: how many ran when it began, with itself. */
  function adapt(calls: MethodCalls, among: number, tookMs: number): void {
    if (tookMs > TARGET_MS)
      calls.limit = Math.max(minCalls, Math.min(calls.limit, (among * TARGET_MS) / tookMs));
    else if (tookMs < QUICK_MS && among > calls.limit / 2) calls.limit = Math.min(maxCalls, calls.limit + 1);
    // What was known of an overload that is over.
    if (calls.running === 0) calls.limit = Math.max(calls.limit, firstLimit);
  }

  return {
    refusal,

    async run(method, work) {
      if (isUnlimited(method)) return work();
      // In the time in which the request has arrived others were admitted.
      const cause = refusal(method);
      if (cause) throw overloaded(cause);
      const calls = callsOf(method);
      const began = performance.now();
      currentTurn(began).calls++;
      running++;
      const among = ++calls.running;
      try {
        return await work();
      } finally {
        running--;
        calls.running--;
        adapt(calls, among, performance.now() - began);
      }
    },
  };
}

function isUnlimited({ methodKind, parent }: DescMethod): boolean {
  return methodKind !== 'unary' || parent === HealthService;
}
