import { setTimeout as sleep } from 'node:timers/promises';
import { type Component, crashPoint, type InTransaction, type Logger } from '@orderflow/runtime';
import type { Limits } from '../domain/order-step.ts';
import type { Backlog, BacklogMark, DeadlineKind, SagaTransaction } from '../ports.ts';
import { createDeadlineWatch, fireDeadlines } from '../use-cases/fire-deadlines.ts';
import type { StepReport } from './step-report.ts';

/** How often it looks; also how long it waits after a failure. */
const pauseMs = 500;
/** Longer than it takes to catch up after a restart: then somebody is told that deadlines do not fire. */
const quietMs = 60_000;

interface Dependencies<Mark extends BacklogMark> {
  readonly inTransaction: InTransaction<SagaTransaction>;
  readonly backlog: Backlog<Mark>;
  readonly limits: Limits;
  readonly report: StepReport;
  readonly now: () => Date;
  readonly logger: Logger;
}

/** Looks after the deadlines of orders for as long as it runs. Several of them share the work. */
export function createDeadlineTimer<Mark extends BacklogMark>({
  inTransaction,
  backlog,
  limits,
  report,
  now,
  logger,
}: Dependencies<Mark>): Component {
  const watch = createDeadlineWatch({
    backlog,
    async fireSlice(kind, before) {
      const steps = await inTransaction((transaction) =>
        fireDeadlines({ transaction, limits }, kind, before),
      );
      if (steps.length > 0) crashPoint('saga-after-deadlines');
      report(steps);
      return steps.length;
    },
  });
  const stopping = new AbortController();
  let working: Promise<void> = Promise.resolve();
  let isFailing = false;
  let told: ReadonlySet<DeadlineKind> = new Set();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const late = (await watch()).filter(({ since }) => now().getTime() - since.getTime() > quietMs);
        for (const { kind, since } of late) {
          if (told.has(kind)) continue;
          logger.warn({ kind, since }, 'deadlines of orders wait: what came before is not all told and read');
        }
        told = new Set(late.map(({ kind }) => kind));
        isFailing = false;
      } catch (error) {
        if (!isFailing)
          logger.warn({ err: error }, 'deadlines of orders cannot be looked after, trying again');
        isFailing = true;
      }
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  return {
    name: 'deadlines',
    async start() {
      working = run();
    },
    async stop() {
      stopping.abort();
      await working;
    },
  };
}
