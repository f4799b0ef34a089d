import { type Component, crashPoint, createPacer, type Logger } from '@orderflow/runtime';
import type { CrashPoint } from '../crash-points.ts';
import type { MailToRender, NewMails, RenderResult } from '../ports.ts';

/** Renders new mails. */
export interface MailRenderer extends Component {
  /** Starts the next poll now, because a mail was stored. */
  wake(): void;
}

const afterRender: CrashPoint = 'notification-after-render';
/** One call of the customer service for all of them. */
const batchSize = 50;
/** Longer than rendering takes; after it another process may do it. */
const claimMs = 60_000;
/** The interval at which mails are polled without a wake: another instance may have left some. */
const pollIntervalMs = 1_000;
/** The delay after an error of Postgres, and before an unavailable customer service is called again. */
const errorBackoffMs = 1_000;

/**
 * Renders mails as they are stored, in batches. Each is rendered once: whatever a second process makes of it is not
 * stored. While the customer service is unavailable, one mail at a time probes whether it is back.
 */
export function createMailRenderer({
  mails,
  render,
  onRendered,
  isOutage,
  now,
  logger,
}: {
  readonly mails: Pick<NewMails, 'claim' | 'save'>;
  /** Never throws. */
  readonly render: (
    mails: readonly MailToRender[],
  ) => Promise<{ readonly results: readonly RenderResult[]; readonly available: boolean }>;
  /** Called when mails can be sent. */
  readonly onRendered: () => void;
  readonly isOutage: (error: unknown) => boolean;
  readonly now: () => Date;
  readonly logger: Logger;
}): MailRenderer {
  const pacer = createPacer();
  let available = true;
  let working: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    while (!pacer.stopped) {
      const delayMs = await poll();
      if (delayMs > 0) await (available ? pacer.wait(delayMs) : pacer.pause(delayMs));
    }
  }

  /** Renders a batch; returns the time until the next, in milliseconds. */
  async function poll(): Promise<number> {
    const limit = available ? batchSize : 1;
    try {
      const begin = now();
      const claimed = await mails.claim(begin, new Date(begin.getTime() + claimMs), limit);
      if (claimed.length === 0) return pollIntervalMs;
      const { results, available: responded } = await render(claimed);
      await mails.save(results, now());
      crashPoint(afterRender);
      report(results);
      noteAvailability(responded, results);
      if (results.some(({ kind }) => kind === 'rendered')) onRendered();
      if (!available) return errorBackoffMs;
      return claimed.length === limit ? 0 : pollIntervalMs;
    } catch (error) {
      if (isOutage(error))
        logger.warn({ err: error }, 'rendering mails failed: Postgres is unavailable; retrying');
      else logger.error({ err: error }, 'rendering mails failed; retrying');
      return errorBackoffMs;
    }
  }

  function report(results: readonly RenderResult[]): void {
    for (const result of results) {
      if (result.kind === 'rendered') continue;
      const { id: notification_id, detail } = result;
      if (result.kind === 'skipped')
        logger.info({ notification_id, detail }, 'mail skipped: it cannot be sent');
      else logger.debug({ notification_id, detail }, 'mail postponed');
    }
  }

  function noteAvailability(responded: boolean, results: readonly RenderResult[]): void {
    if (responded === available) return;
    available = responded;
    const detail = results.find((result) => result.kind === 'postponed')?.detail;
    if (responded) logger.info('customer service is available again');
    else logger.warn({ detail }, 'customer service unavailable: mails wait to be rendered');
  }

  return {
    name: 'mail renderer',
    wake: pacer.wake,
    async start() {
      working = run();
    },
    async stop() {
      pacer.stop();
      await working;
    },
  };
}
