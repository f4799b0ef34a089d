import { type Component, crashPoint, createPacer, type Logger, type Meter } from '@orderflow/runtime';
import type { CrashPoint } from '../crash-points.ts';
import type { Call, Outcome } from '../domain/input.ts';
import type { EndedCall, Gateway } from '../ports.ts';
import type { DueCalls } from '../use-cases/claim-due-calls.ts';
import type { DueCall } from '../use-cases/unit-of-work.ts';
import { createCallLog } from './call-log.ts';
import { createRecorder } from './recorder.ts';

/** Permits for calls that are about to be stored. A call holds its permit until its outcome is recorded. */
export interface Permits {
  readonly count: number;
  /** Makes calls, which are stored by now: no more than there are permits. Returns at once. */
  call(stored: readonly DueCall[]): void;
  /** Releases the permits that no call holds. */
  release(): void;
}

/** Makes the calls to the gateway that are due. */
export interface GatewayDispatcher extends Component {
  /**
   * Acquires up to `wanted` permits; none while the gateway is unavailable. They must be released, whether or not the
   * calls could be stored.
   */
  acquire(wanted: number): Permits;
  /** Starts the next poll now, because something has become due. */
  wake(): void;
}

export interface GatewayDispatcherOptions {
  /** Stores due calls, in one transaction; no other process makes the same calls. */
  readonly claimDueCalls: (limit: number) => Promise<DueCalls>;
  /** Records the outcomes of calls; returns contradictions as sentences. */
  readonly record: (ended: readonly EndedCall[]) => Promise<string[]>;
  readonly gateway: Gateway;
  readonly isOutage: (error: unknown) => boolean;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly meter: Meter;
  /** The maximum number of calls in flight. */
  readonly maxCalls: number;
}

/** The interval at which due payments are polled without a wake: another instance may have left some. */
const pollIntervalMs = 1_000;
const minPollIntervalMs = 20;
/** The delay after an error of Postgres, and before an unavailable gateway is called again. */
const errorBackoffMs = 1_000;

const afterCall: Record<Call['kind'], CrashPoint> = {
  CHARGE: 'payment-after-charge',
  VOID: 'payment-after-void',
  REFUND: 'payment-after-refund',
};

/**
 * Claims payments as they become due and makes their calls concurrently. A call is stored before it is made, and is due
 * again later if its outcome is never recorded, so that this process may crash at any time. While the gateway is
 * unavailable, one call at a time probes whether it is back.
 */
export function createGatewayDispatcher(options: GatewayDispatcherOptions): GatewayDispatcher {
  const { claimDueCalls, gateway, isOutage, now, logger, maxCalls } = options;
  const pacer = createPacer();
  const log = createCallLog(options);
  const recorder = createRecorder({ ...options, pacer, errorBackoffMs });
  const inFlight = new Set<Promise<void>>();
  let permitsInUse = 0;
  let reachable = true;
  /** Whether the last poll may have left due payments, for want of permits. */
  let hasMore = false;
  let working: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!pacer.stopped) await pacer.wait(await poll());
  }

  /** Claims as many calls as there are permits; returns the time until the next poll, in milliseconds. */
  async function poll(): Promise<number> {
    const permits = acquire(maxCalls, reachable ? maxCalls : 1);
    hasMore = permits.count === 0;
    if (hasMore) return pollIntervalMs;
    try {
      const { calls, nextDueTime } = await claimDueCalls(permits.count);
      permits.call(calls);
      hasMore = calls.length === permits.count;
      if (!reachable) return errorBackoffMs;
      // The next call that ends releases a permit, and wakes the loop.
      if (hasMore || nextDueTime === undefined) return pollIntervalMs;
      // Payments that are due already are being claimed by another process.
      return Math.min(Math.max(nextDueTime.getTime() - now().getTime(), minPollIntervalMs), pollIntervalMs);
    } catch (error) {
      if (isOutage(error))
        logger.warn({ err: error }, 'reading due payments failed: Postgres is unavailable; retrying');
      else logger.error({ err: error }, 'claiming due payments failed; retrying');
      return errorBackoffMs;
    } finally {
      permits.release();
    }
  }

  /** Acquires up to `wanted` permits, as long as no more than `limit` are in use. */
  function acquire(wanted: number, limit: number): Permits {
    const count = Math.min(wanted, Math.max(limit - permitsInUse, 0));
    permitsInUse += count;
    let unused = count;
    return {
      count,
      call(stored) {
        unused -= stored.length;
        for (const due of stored) start(due);
      },
      release() {
        release(unused);
        unused = 0;
      },
    };
  }

  function release(count: number): void {
    permitsInUse -= count;
    // The last poll may have found too few.
    if (count > 0 && hasMore && reachable) pacer.wake();
  }

  function start(due: DueCall): void {
    const ended = callAndRecord(due).finally(() => {
      inFlight.delete(ended);
      release(1);
    });
    inFlight.add(ended);
  }

  async function callAndRecord({ payment, call }: DueCall): Promise<void> {
    crashPoint('payment-after-attempt-written');
    if (call.kind === 'VOID') crashPoint('payment-before-settle');
    const outcome = await gateway.call(payment, call);
    crashPoint(afterCall[call.kind]);
    log.called(payment, call, outcome);
    noteReachability(outcome);
    await recorder.record({ orderId: payment.orderId, call, outcome });
    crashPoint('payment-after-record');
    if (isDueEarlier(outcome)) pacer.wake();
  }

  function noteReachability(outcome: Outcome): void {
    const isReached = outcome.kind !== 'unreachable';
    if (isReached === reachable) return;
    reachable = isReached;
    log.reachabilityChanged(outcome);
    if (isReached) pacer.wake();
  }

  return {
    name: 'gateway dispatcher',
    wake: pacer.wake,
    acquire: (wanted) => acquire(wanted, reachable && !pacer.stopped ? maxCalls : 0),
    async start() {
      working = run();
    },
    async stop() {
      pacer.stop();
      await working;
      await Promise.all(inFlight);
    },
  };
}

/**
 * Whether the payment is due again earlier than expected. An unavailable gateway is called again at its own interval.
 */
function isDueEarlier({ kind }: Outcome): boolean {
  return kind === 'temporarily_declined' || kind === 'unknown';
}
