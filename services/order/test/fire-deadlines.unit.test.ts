import { expect, test } from 'vitest';
import type { DueOrder, ParticipantStatus } from '../src/domain/deadline.ts';
import type { BacklogMark, DeadlineKind } from '../src/ports.ts';
import { createDeadlineWatch } from '../src/use-cases/fire-deadlines.ts';

/** A backlog that a test drains, due orders, participants with the given status, and the fired deadlines. */
function watched() {
  const state = { due: new Set<DeadlineKind>(), worked: false, behind: new Set<string>() };
  const orders = new Map<string, DueOrder>();
  const fired: string[] = [];
  let clock = 0;
  const watch = createDeadlineWatch<BacklogMark & { kind: DeadlineKind }>({
    backlog: {
      async mark(kind) {
        clock += 1;
        return state.due.has(kind) ? { time: new Date(clock), kind } : undefined;
      },
      isDrained: async () => state.worked,
    },
    dueOrders: {
      async page(kind, _before, after, limit) {
        const all = [...orders.values()].filter(
          (due) =>
            (due.state === 'PENDING') === (kind === 'undecided') && due.orderId > (after?.orderId ?? ''),
        );
        return all.toSorted((a, b) => (a.orderId < b.orderId ? -1 : 1)).slice(0, limit);
      },
    },
    participants: {
      async poll() {},
      statusOf: (orderId): ParticipantStatus =>
        state.behind.has(orderId)
          ? { kind: 'behind', group: 'payment', topic: 'order-events', partition: 0 }
          : { kind: 'up_to_date', since: new Date(0), readUpTo: new Date(2) },
    },
    limits: { orderMs: 1_800_000, settleMs: 600_000 },
    async fire(orderIds, before) {
      fired.push(`${orderIds.length} from ${orderIds[0]} before ${before.getTime()}`);
      for (const id of orderIds) orders.delete(id);
    },
  });
  const order = (orderId: string, change: Partial<DueOrder> = {}) =>
    orders.set(orderId, {
      orderId,
      state: 'ACCEPTED',
      dueTime: new Date(0),
      requeryTime: new Date(1),
      firstRequeryTime: new Date(1),
      needsAttention: undefined,
      ...change,
    });
  return { state, orders, order, fired, watch };
}

test('nothing is fired before all that was there at the mark is drained, and then what was due before it', async () => {
  const { state, order, fired, watch } = watched();
  order('o-1');
  state.due.add('decided');
  await watch();
  expect(await watch()).toEqual({ unread: [{ kind: 'decided', since: new Date(2) }], behind: [] });
  expect(fired).toEqual([]);
  state.worked = true;
  expect(await watch()).toEqual({ unread: [], behind: [] });
  // The mark is from the first poll (one for each kind), not from when the backlog was drained.
  expect(fired).toEqual(['1 from o-1 before 2']);
});

test('all that is due is fired, a transaction for some of them each', async () => {
  const { state, order, fired, watch } = watched();
  for (let n = 0; n < 1_200; n += 1) order(`o-${10_000 + n}`, { state: 'PENDING', requeryTime: undefined });
  state.due.add('undecided');
  state.worked = true;
  await watch();
  expect(fired).toEqual([
    '500 from o-10000 before 1',
    '500 from o-10500 before 1',
    '200 from o-11000 before 1',
  ]);
});

test('what becomes due later waits for a mark of its own', async () => {
  const { state, order, fired, watch } = watched();
  state.due.add('decided');
  state.worked = true;
  order('o-1');
  await watch();
  order('o-2');
  await watch();
  expect(fired).toEqual(['1 from o-1 before 2', '1 from o-2 before 4']);
});

test('orders that are postponed, however many, delay no other; the participants that postpone them are reported', async () => {
  const { state, orders, order, fired, watch } = watched();
  state.due.add('decided');
  state.worked = true;
  for (let n = 0; n < 6_000; n += 1) order(`a-${n}`);
  for (const id of orders.keys()) state.behind.add(id);
  order('z-1');
  expect(await watch()).toEqual({
    unread: [],
    behind: [expect.objectContaining({ group: 'payment', topic: 'order-events', partition: 0 })],
  });
  expect(fired).toEqual(['1 from z-1 before 2']);
  expect(orders.size).toBe(6_000);
});
