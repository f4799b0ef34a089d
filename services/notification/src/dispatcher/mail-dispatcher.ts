import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Component,
  counter,
  crashPoint,
  createPacer,
  type Logger,
  type Meter,
} from '@orderflow/runtime';
import type { CrashPoint } from '../crash-points.ts';
import { safeDetail } from '../domain/address.ts';
import type { Delivery, Outcome } from '../domain/delivery.ts';
import { metric } from '../metrics.ts';
import type { DueMail, MailServer } from '../ports.ts';
import type { BegunDeliveries } from '../use-cases/begin-deliveries.ts';

/** Sends the mails that are due. */
export interface MailDispatcher extends Component {
  /** Starts the next poll now, because a mail has become due. */
  wake(): void;
}

export interface MailDispatcherOptions {
  /** Stores deliveries as begun, in one transaction; no other process makes them too. */
  readonly begin: (limit: number) => Promise<BegunDeliveries>;
  /** Records the outcome of an attempt; returns the delivery after it. */
  readonly end: (delivery: Delivery, outcome: Outcome) => Promise<Delivery | undefined>;
  readonly server: MailServer;
  readonly isOutage: (error: unknown) => boolean;
  readonly now: () => Date;
  /** How long a stop waits for attempts in flight before it aborts them. */
  readonly stopAfterMs: number;
  readonly logger: Logger;
  readonly meter: Meter;
}

/** The maximum number of attempts in flight. */
const maxDeliveries = 8;
/** The interval at which due mails are polled without a wake: another instance may have left some. */
const pollIntervalMs = 1_000;
const minPollIntervalMs = 20;
/** The delay after an error of Postgres, and before an unavailable mail server is called again. */
const errorBackoffMs = 1_000;

const after = {
  begin: 'notification-after-attempt-written',
  delivery: 'notification-after-delivery',
  end: 'notification-after-settle',
} as const satisfies Record<string, CrashPoint>;

/**
 * Begins deliveries as they become due and makes them concurrently. An attempt is stored before it is made, so that this
 * process may crash at any time. While the mail server is unavailable, one attempt at a time probes whether it is back.
 */
export function createMailDispatcher(options: MailDispatcherOptions): MailDispatcher {
  const { begin, server, isOutage, now, logger } = options;
  const deliveries = counter(options.meter, metric.deliveries);
  const pacer = createPacer();
  const stopping = new AbortController();
  const inFlight = new Set<Promise<void>>();
  let reachable = true;
  /** Whether the last poll may have left due mails, for want of permits. */
  let hasMore = false;
  let working: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!pacer.stopped) {
      const delayMs = await poll();
      // While it is unavailable, mails that become due do not hasten the next probe.
      await (reachable ? pacer.wait(delayMs) : pacer.pause(delayMs));
    }
  }

  /** Begins as many deliveries as there are permits; returns the time until the next poll, in milliseconds. */
  async function poll(): Promise<number> {
    const permits = Math.max((reachable ? maxDeliveries : 1) - inFlight.size, 0);
    hasMore = permits === 0;
    if (hasMore) return pollIntervalMs;
    try {
      const { mails, failed, nextDueTime } = await begin(permits);
      for (const { delivery } of failed) reportFailure(delivery);
      for (const mail of mails) start(mail);
      hasMore = mails.length + failed.length === permits;
      if (!reachable) return errorBackoffMs;
      if (failed.length > 0) return 0;
      if (hasMore || nextDueTime === undefined) return pollIntervalMs;
      // Mails that are due already are being begun by another process.
      return Math.min(Math.max(nextDueTime.getTime() - now().getTime(), minPollIntervalMs), pollIntervalMs);
    } catch (error) {
      if (isOutage(error))
        logger.warn({ err: error }, 'reading due mails failed: Postgres is unavailable; retrying');
      else logger.error({ err: error }, 'beginning deliveries failed; retrying');
      return errorBackoffMs;
    }
  }

  function start(mail: DueMail): void {
    const ended = deliver(mail).finally(() => {
      inFlight.delete(ended);
      if (hasMore && reachable) pacer.wake();
    });
    inFlight.add(ended);
  }

  async function deliver({ delivery, recipient: to, message }: DueMail): Promise<void> {
    crashPoint(after.begin);
    const { kind, detail } = await server.deliver({ to, message }, stopping.signal);
    const outcome = { kind, detail: safeDetail(detail) };
    crashPoint(after.delivery);
    deliveries.add(1, { outcome: kind });
    noteReachability(outcome);
    const { id: notification_id, attempts: attempt } = delivery;
    logger.debug({ notification_id, attempt, outcome: kind, detail: outcome.detail }, 'mail sent or tried');
    await record(delivery, outcome);
    crashPoint(after.end);
  }

  async function record(delivery: Delivery, outcome: Outcome): Promise<void> {
    for (;;) {
      try {
        const ended = await options.end(delivery, outcome);
        if (ended?.state === 'FAILED') reportFailure(ended);
        else if (outcome.kind === 'unknown' && ended?.state === 'READY') reportDoubt(delivery, outcome);
        return;
      } catch (error) {
        const line = { err: error, notification_id: delivery.id, outcome: outcome.kind };
        if (!isOutage(error) || pacer.stopped) {
          logger.error(line, 'recording a delivery failed: in 10 minutes its outcome counts as unknown');
          return;
        }
        logger.warn(line, 'recording a delivery failed; retrying');
        await pacer.pause(errorBackoffMs);
      }
    }
  }

  function reportFailure({ id, lastDetail: detail }: Delivery): void {
    logger.error({ notification_id: id, detail }, 'mail failed; it is not sent again, and needs attention');
  }

  function reportDoubt({ id, attempts }: Delivery, { detail }: Outcome): void {
    const line = { notification_id: id, attempt: attempts, detail };
    logger.warn(line, 'outcome of a delivery is unknown; the mail is sent once more in 10 minutes');
  }

  function noteReachability({ kind, detail }: Outcome): void {
    const isReached = kind !== 'unreachable';
    if (isReached === reachable) return;
    reachable = isReached;
    if (!isReached) logger.warn({ detail }, 'mail server unavailable: mails wait');
    else {
      logger.info('mail server is available again');
      pacer.wake();
    }
  }

  return {
    name: 'mail dispatcher',
    wake: pacer.wake,
    async start() {
      working = run();
    },
    async stop() {
      pacer.stop();
      await working;
      const waited = new AbortController();
      const limit = sleep(options.stopAfterMs, undefined, { signal: waited.signal }).catch(() => {});
      const ended = Promise.all(inFlight);
      await Promise.race([ended, limit]);
      waited.abort();
      stopping.abort();
      await ended;
      server.close();
    },
  };
}
