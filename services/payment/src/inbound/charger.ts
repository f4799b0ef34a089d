import { type Component, counter, crashPoint, type Logger, type Meter, metric } from '@orderflow/runtime';
import type { Call, Outcome } from '../domain/input.ts';
import type { Payment } from '../domain/payment.ts';
import type { EndedCall, Gateway } from '../ports.ts';
import type { DueCall } from '../use-cases/sheet.ts';
import type { DueCalls } from '../use-cases/take-due.ts';
import type { CrashPoint } from './crash-points.ts';
import { createPacer } from './pacer.ts';

/** What a transaction has written, and the calls that are to be made after it. */
interface WithCalls {
  readonly calls: readonly DueCall[];
}

/** Asks the gateway whatever is due. */
export interface Charger extends Component {
  /**
   * Makes the calls that `write` has written down, `room` at most: room is kept for them meanwhile. There is none while
   * the gateway cannot be reached.
   */
  take<Written extends WithCalls>(most: number, write: (room: number) => Promise<Written>): Promise<Written>;
  /** Something has become due: there is no need to wait for the next look. */
  wake(): void;
}

export interface ChargerOptions {
  /** Writes down calls that are due, each in a transaction of its own process only. */
  readonly takeDue: (limit: number) => Promise<DueCalls>;
  /** Records how calls ended; answers what cannot be. */
  readonly record: (ended: readonly EndedCall[]) => Promise<string[]>;
  readonly gateway: Gateway;
  readonly isOutage: (error: unknown) => boolean;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Calls under way at once. */
  readonly mostCalls: number;
}

/** How often payments are looked at when nobody wakes the charger: another instance may have left some. */
const lookMs = 1_000;
const shortestMs = 20;
/** How long to wait after trouble with Postgres, and before a gateway that cannot be reached is tried again. */
const troubleMs = 1_000;

const afterCall: Record<Call['kind'], CrashPoint> = {
  CHARGE: 'payment-after-charge',
  VOID: 'payment-after-void',
  REFUND: 'payment-after-refund',
};

/**
 * Takes payments as they become due and makes their calls side by side. A call is written down before it is made, and
 * what is never recorded is due again later, so that this process may die at any time. While the gateway cannot be
 * reached, one call at a time finds out whether it is back.
 */
export function createCharger(options: ChargerOptions): Charger {
  const { takeDue, gateway, isOutage, now, logger, meter, mostCalls } = options;
  const calls = counter(meter, metric.gatewayCalls);
  const pacer = createPacer();
  const underWay = new Set<Promise<void>>();
  const recorder = createRecorder(options, pacer);
  /** Room that is kept for calls that are being written down. */
  let kept = 0;
  let reachable = true;
  let more = false;
  let working: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!pacer.stopped) await pacer.wait(await look());
  }

  /** Takes what there is room for; answers how long to wait, in milliseconds, before the next look. */
  async function look(): Promise<number> {
    const room = roomWithin(reachable ? mostCalls : 1);
    more = room === 0;
    if (more) return lookMs;
    try {
      const { calls, nextDueTime } = await makeWritten(room, takeDue);
      more = calls.length === room;
      if (!reachable) return troubleMs;
      // The next call that ends makes room, and says so.
      if (more || nextDueTime === undefined) return lookMs;
      // What is due already is being taken by somebody else.
      return Math.min(Math.max(nextDueTime.getTime() - now().getTime(), shortestMs), lookMs);
    } catch (error) {
      if (isOutage(error)) logger.warn({ err: error }, 'payments that are due cannot be read, trying again');
      else logger.error({ err: error }, 'payments that are due could not be taken, trying again');
      return troubleMs;
    }
  }

  function roomWithin(limit: number): number {
    return Math.max(limit - underWay.size - kept, 0);
  }

  async function makeWritten<Written extends WithCalls>(
    room: number,
    write: (room: number) => Promise<Written>,
  ): Promise<Written> {
    kept += room;
    try {
      const written = await write(room);
      for (const call of written.calls) make(call);
      return written;
    } finally {
      kept -= room;
    }
  }

  function make(due: DueCall): void {
    const ended = callAndRecord(due).finally(() => {
      underWay.delete(ended);
      if (more && reachable) pacer.wake();
    });
    underWay.add(ended);
  }

  async function callAndRecord({ payment, call }: DueCall): Promise<void> {
    crashPoint('payment-after-attempt-written');
    if (call.kind === 'VOID') crashPoint('payment-before-settle');
    const outcome = await gateway.call(payment, call);
    crashPoint(afterCall[call.kind]);
    note(payment, call, outcome);
    await recorder.record({ orderId: payment.orderId, call, outcome });
    crashPoint('payment-after-record');
    if (isWorthAnotherLook(outcome)) pacer.wake();
  }

  function note({ orderId, problem }: Payment, call: Call, outcome: Outcome): void {
    calls.add(1, { kind: call.kind.toLowerCase(), outcome: outcome.kind });
    const line = { order_id: orderId, key: call.key, call: call.kind, outcome: outcome.kind };
    if (outcome.kind === 'unknown') {
      logger.warn({ ...line, detail: outcome.detail }, 'it is not known what the gateway did');
    } else if (outcome.kind === 'refused' && problem === '') {
      // Once: it stays so until a person has seen to it.
      logger.error({ ...line, detail: outcome.detail }, 'the gateway refuses to undo a charge');
    } else {
      logger.debug(line, 'gateway asked');
    }
    const isReached = outcome.kind !== 'unreachable';
    if (isReached === reachable) return;
    reachable = isReached;
    if (isReached) {
      logger.info('the gateway is reached again');
      pacer.wake();
    } else {
      const { detail } = outcome;
      logger.warn({ detail }, 'the gateway cannot be reached: payments wait, and no try is spent');
    }
  }

  return {
    name: 'charger',
    wake: pacer.wake,
    async take(most, write) {
      const room = Math.min(roomWithin(reachable && !pacer.stopped ? mostCalls : 0), most);
      try {
        return await makeWritten(room, write);
      } finally {
        // A look may have found no room because of what was kept here.
        if (more && reachable) pacer.wake();
      }
    },
    async start() {
      working = run();
    },
    async stop() {
      pacer.stop();
      await working;
      await Promise.all(underWay);
    },
  };
}

/** Whether the payment is due again, sooner than was thought. A gateway that is away is tried again at its own pace. */
function isWorthAnotherLook({ kind }: Outcome): boolean {
  return kind === 'temporarily_declined' || kind === 'unknown';
}

/** Records how calls ended: those that end while others are being recorded go together. */
function createRecorder(
  { record, isOutage, logger }: ChargerOptions,
  pacer: { readonly stopped: boolean; pause(ms: number): Promise<void> },
): { record(ended: EndedCall): Promise<void> } {
  let next: { readonly ended: EndedCall[]; readonly written: Promise<void> } | undefined;
  let last: Promise<void> = Promise.resolve();

  async function write(ended: readonly EndedCall[]): Promise<void> {
    for (;;) {
      try {
        for (const contradiction of await record(ended))
          logger.error({ contradiction }, 'the gateway contradicts itself');
        return;
      } catch (error) {
        // Not recorded is as good as unknown: the same is asked again later, under the same key.
        if (!isOutage(error) || pacer.stopped) {
          logger.error({ err: error }, 'what the gateway did could not be recorded; it is asked again');
          return;
        }
        logger.warn({ err: error }, 'what the gateway did cannot be recorded yet, trying again');
        await pacer.pause(troubleMs);
      }
    }
  }

  return {
    record(one) {
      if (next === undefined) {
        const ended: EndedCall[] = [];
        last = last.then(() => {
          next = undefined;
          return write(ended);
        });
        next = { ended, written: last };
      }
      next.ended.push(one);
      return next.written;
    },
  };
}
