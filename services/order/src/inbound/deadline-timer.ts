import { setTimeout as sleep } from 'node:timers/promises';
import { type Component, crashPoint, type InTransaction, type Logger } from '@orderflow/runtime';
import type { Limits } from '../domain/transition.ts';
import type { Backlog, BacklogMark, DeadlineKind, DueOrders, SagaTransaction } from '../ports.ts';
import { type BlockedDeadlines, createDeadlineWatch, fireDeadlines } from '../use-cases/fire-deadlines.ts';
import type { ParticipantWatch } from '../use-cases/watch-participants.ts';
import type { TransitionReport } from './transition-report.ts';

/** The interval between checks, also after a failure. */
const pauseMs = 500;
/** Longer than it takes to catch up after a restart; then a warning says that deadlines do not fire. */
const quietMs = 60_000;

interface Dependencies<Mark extends BacklogMark> {
  readonly inTransaction: InTransaction<SagaTransaction>;
  readonly backlog: Backlog<Mark>;
  readonly dueOrders: DueOrders;
  readonly participants: ParticipantWatch;
  readonly limits: Limits;
  readonly report: TransitionReport;
  readonly now: () => Date;
  readonly logger: Logger;
}

/** Fires the deadlines of orders for as long as it runs. Several instances share the work. */
export function createDeadlineTimer<Mark extends BacklogMark>({
  inTransaction,
  backlog,
  dueOrders,
  participants,
  limits,
  report,
  now,
  logger,
}: Dependencies<Mark>): Component {
  const watch = createDeadlineWatch({
    backlog,
    dueOrders,
    participants,
    limits,
    async fire(orderIds, before) {
      const transitions = await inTransaction((transaction) =>
        fireDeadlines({ transaction, limits }, participants, orderIds, before),
      );
      if (transitions.length > 0) crashPoint('saga-after-deadlines');
      report(transitions);
    },
  });
  const stopping = new AbortController();
  let working: Promise<void> = Promise.resolve();
  let isFailing = false;
  let logged: ReadonlySet<DeadlineKind> = new Set();
  let isPostponing = false;

  /** Logs once which deadlines are blocked, and again when they are not. */
  function logBlocked({ unread, behind }: BlockedDeadlines): void {
    const late = unread.filter(({ since }) => now().getTime() - since.getTime() > quietMs);
    for (const { kind, since } of late) {
      if (logged.has(kind)) continue;
      logger.warn({ kind, since }, 'deadlines of orders wait: earlier events are not all published and read');
    }
    logged = new Set(late.map(({ kind }) => kind));
    if (behind.length > 0 && !isPostponing) {
      logger.warn(
        { behind },
        'end deadlines of orders are postponed: participants are behind on their partitions',
      );
    } else if (behind.length === 0 && isPostponing) {
      logger.info('end deadlines of orders are no longer postponed');
    }
    isPostponing = behind.length > 0;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        logBlocked(await watch());
        isFailing = false;
      } catch (error) {
        if (!isFailing) logger.warn({ err: error }, 'checking the deadlines of orders failed; retrying');
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
