import { deadlineOf, isStep, react, type Step } from '../domain/order-step.ts';
import type { Backlog, BacklogMark, DeadlineKind } from '../ports.ts';
import type { Saga } from './advance-orders.ts';

/** How many orders are looked at in one transaction. */
const sliceSize = 500;

/** Applies the deadlines that were reached before a time to a slice of orders. Answers what has changed. */
export async function fireDeadlines(
  { transaction, limits }: Saga,
  kind: DeadlineKind,
  before: Date,
): Promise<Step[]> {
  const orders = await transaction.lockDue(kind, before, sliceSize);
  const steps = orders
    .map((order) => {
      const happening = deadlineOf(order);
      return react(order, { orderId: order.orderId, happening, cause: happening }, limits);
    })
    .filter(isStep);
  await transaction.write(steps);
  return steps;
}

interface Dependencies<Mark extends BacklogMark> {
  readonly backlog: Backlog<Mark>;
  /** Fires one slice in a transaction of its own, and answers how many orders have changed. */
  readonly fireSlice: (kind: DeadlineKind, before: Date) => Promise<number>;
}

/** Deadlines of a kind that have been reached and do not fire yet. */
export interface HeldUp {
  readonly kind: DeadlineKind;
  /** What was there at this time is not all told and read. */
  readonly since: Date;
}

/**
 * Looks after deadlines, a little with each call, and answers which are held up. A deadline that is reached does not mean that nothing has happened:
 * we may be what is late. So when one is reached, a mark is set, and it fires only once all that was there at the mark
 * has been told and read; deadlines that are reached meanwhile wait for the next mark.
 */
export function createDeadlineWatch<Mark extends BacklogMark>({
  backlog,
  fireSlice,
}: Dependencies<Mark>): () => Promise<HeldUp[]> {
  const marks = new Map<DeadlineKind, Mark>();
  return async () => {
    for (const kind of ['undecided', 'decided'] as const) {
      const mark = marks.get(kind) ?? (await backlog.mark(kind));
      if (mark === undefined) continue;
      marks.set(kind, mark);
      if (!(await backlog.isWorkedOff(mark))) continue;
      while ((await fireSlice(kind, mark.time)) > 0);
      marks.delete(kind);
    }
    return [...marks].map(([kind, { time }]) => ({ kind, since: time }));
  };
}
