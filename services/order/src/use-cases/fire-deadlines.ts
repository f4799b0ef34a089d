import { type BehindPartition, type DueOrder, inputOf } from '../domain/deadline.ts';
import { applyInput, isTransition, type Limits, type Transition } from '../domain/transition.ts';
import type { Backlog, BacklogMark, DeadlineKind, DueKey, DueOrders } from '../ports.ts';
import type { Saga } from './advance-orders.ts';
import type { ParticipantWatch } from './watch-participants.ts';

/** The number of orders whose deadlines fire in one transaction. */
const batchSize = 500;
/** The number of due orders that are read at once; postponed ones need no transaction. */
const pageSize = 5_000;

/** Applies the deadlines of these orders that passed before a time. Returns the transitions. */
export async function fireDeadlines(
  { transaction, limits }: Saga,
  participants: Pick<ParticipantWatch, 'statusOf'>,
  orderIds: readonly string[],
  before: Date,
): Promise<Transition[]> {
  const locked = await transaction.lockDue(orderIds, before);
  const transitions = locked
    .flatMap(({ order, due }) => {
      const participantStatus = () => participants.statusOf(order.orderId);
      const input = inputOf(due, participantStatus, { before, ...limits });
      return input === undefined ? [] : [applyInput(order, input, limits)];
    })
    .filter(isTransition);
  await transaction.write(transitions);
  return transitions;
}

interface Dependencies<Mark extends BacklogMark> {
  readonly backlog: Backlog<Mark>;
  readonly dueOrders: DueOrders;
  readonly participants: ParticipantWatch;
  readonly limits: Pick<Limits, 'orderMs' | 'settleMs'>;
  /** Fires the deadlines of some orders in a transaction of its own. */
  readonly fire: (orderIds: readonly string[], before: Date) => Promise<void>;
}

/** Deadlines that have passed and do not fire yet. */
export interface BlockedDeadlines {
  /** Kinds whose mark has not been published and read completely, with the time of the mark. */
  readonly unread: readonly { readonly kind: DeadlineKind; readonly since: Date }[];
  /** What participants have not read, so that the end of orders is postponed; one partition of each group and topic. */
  readonly behind: readonly BehindPartition[];
}

/**
 * Creates a function that fires deadlines, a few with each call, and returns those that are blocked. A deadline that
 * has passed does not mean that nothing has happened: this service may be behind. So when one has passed, a mark is
 * set, and it fires only after everything up to the mark has been published and read; deadlines that pass meanwhile
 * wait for the next mark. An order is not cancelled either while the participants are behind: see `inputOf`.
 */
export function createDeadlineWatch<Mark extends BacklogMark>({
  backlog,
  dueOrders,
  participants,
  limits,
  fire,
}: Dependencies<Mark>): () => Promise<BlockedDeadlines> {
  const marks = new Map<DeadlineKind, Mark>();
  let behind: readonly BehindPartition[] = [];
  let pausedUntil = 0;

  /** Fires the deadlines before a time. Returns what postpones the others. */
  async function fireDue(kind: DeadlineKind, before: Date): Promise<BehindPartition[]> {
    const found = new Map<string, BehindPartition>();
    const isPostponed = (due: DueOrder) => {
      const participantStatus = () => {
        const state = participants.statusOf(due.orderId);
        if (state.kind === 'behind') found.set(`${state.group} ${state.topic}`, state);
        return state;
      };
      return inputOf(due, participantStatus, { before, ...limits }) === undefined;
    };
    let page: readonly DueOrder[];
    let after: DueKey | undefined;
    do {
      page = await dueOrders.page(kind, before, after, pageSize);
      after = page.at(-1);
      const ids = page.filter((due) => !isPostponed(due)).map(({ orderId }) => orderId);
      for (let start = 0; start < ids.length; start += batchSize) {
        await fire(ids.slice(start, start + batchSize), before);
      }
    } while (page.length === pageSize);
    return [...found.values()];
  }

  return async () => {
    await participants.poll();
    for (const kind of ['undecided', 'decided'] as const) {
      if (performance.now() < pausedUntil) continue;
      const mark = marks.get(kind) ?? (await backlog.mark(kind));
      if (mark === undefined) {
        if (kind === 'decided') behind = [];
        continue;
      }
      marks.set(kind, mark);
      if (!(await backlog.isDrained(mark))) continue;
      const began = performance.now();
      const postponing = await fireDue(kind, mark.time);
      marks.delete(kind);
      if (kind === 'undecided') continue;
      behind = postponing;
      // Postponed orders are read again each time, and there may be many.
      if (behind.length > 0) pausedUntil = began + 10 * (performance.now() - began);
    }
    return { unread: [...marks].map(([kind, { time }]) => ({ kind, since: time })), behind };
  };
}
