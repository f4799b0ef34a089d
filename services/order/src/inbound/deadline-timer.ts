import { setTimeout as sleep } from 'node:timers/promises';
import { type Component, crashPoint, type InTransaction, type Logger } from '@orderflow/runtime';
import type { Limits } from '../domain/order-step.ts';
import type { Backlog, BacklogMark, SagaTransaction } from '../ports.ts';
import { createDeadlineWatch, fireDeadlines } from '../use-cases/fire-deadlines.ts';
import type { StepReport } from './step-report.ts';

/** How often it looks; also how long it waits after a failure. */
const pauseMs = 500;

interface Dependencies<Mark extends BacklogMark> {
  readonly inTransaction: InTransaction<SagaTransaction>;
  readonly backlog: Backlog<Mark>;
  readonly limits: Limits;
  readonly report: StepReport;
  readonly logger: Logger;
}

/** Looks after the deadlines of orders for as long as it runs. Several of them share the work. */
export function createDeadlineTimer<Mark extends BacklogMark>({
  inTransaction,
  backlog,
  limits,
  report,
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
  let isHeldUp = false;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await watch();
        isHeldUp = false;
      } catch (error) {
        if (!isHeldUp) logger.warn({ err: error }, 'deadlines of orders are held up, trying again');
        isHeldUp = true;
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
