import type { Facts } from './facts.ts';
import { type Finding, forOrders, terminalStates, withStrangers } from './finding.ts';

/** No order waits without anybody knowing. */
export function everyOrderEnds(facts: Facts): Finding {
  return forOrders(
    facts,
    'every order has ended, is within its deadline, or needs attention',
    ({ state, deadlineTime, needsAttention }) => {
      if (terminalStates.has(state) || needsAttention !== undefined) return undefined;
      if (deadlineTime === undefined) return `${state}, and nobody will look at it`;
      return deadlineTime < facts.now ? `${state}, to be looked at ${deadlineTime.toISOString()}` : undefined;
    },
  );
}

/** Each event as one letter, so that a path is a word. */
const letters: Readonly<Record<string, string>> = {
  OrderAccepted: 'a',
  OrderRejected: 'j',
  OrderReserved: 'r',
  OrderConfirmed: 'f',
  OrderCompleted: 'c',
  OrderCancelRequested: 'q',
  OrderCancelled: 'x',
  OrderRefunded: 'u',
};

/** Rejected; cancelled undecided; on the way to completed, and perhaps refunded; cancelled on the way. */
const legalPath = /^(j|x|a|ar|arf|arfc|arfcu|ar?q|ar?qx)?$/;

/** The state that an order is in after its last event. */
const stateAfter: Readonly<Record<string, string>> = {
  '': 'PENDING',
  a: 'ACCEPTED',
  j: 'REJECTED',
  r: 'RESERVED',
  f: 'CONFIRMED',
  c: 'COMPLETED',
  q: 'CANCELLING',
  x: 'CANCELLED',
  u: 'COMPLETED',
};

/** Holds the events against the orders. */
export function eventsAreALegalPath(facts: Facts): Finding {
  const byOrder = Map.groupBy(facts.events, ({ orderId }) => orderId);
  const own = forOrders(
    facts,
    'the events of every order are told in order, each once, and lead to its state',
    ({ id, state, version, refunded }) => {
      // Repeats are allowed, but no event may come before its turn: the first of each counts.
      const all = byOrder.get(id) ?? [];
      const told = all.filter((event, index) => all.findIndex((other) => other.id === event.id) === index);
      const ids = told.map((event) => event.id).join(' ');
      const wanted = Array.from({ length: version }, (_, index) => `${id}/${index + 1}`).join(' ');
      if (ids !== wanted) return `told as [${ids}] instead of [${wanted}]`;
      const path = told.map(({ type }) => letters[type] ?? '?').join('');
      if (!legalPath.test(path)) return `told ${told.map(({ type }) => type).join(', ')}`;
      if (refunded !== path.endsWith('u'))
        return refunded ? 'refunded, and that was not told' : 'not refunded, but told so';
      const after = stateAfter[path.at(-1) ?? ''];
      return after === state ? undefined : `${state}, but told ${told.at(-1)?.type ?? 'nothing'}`;
    },
  );
  return withStrangers(own, facts, byOrder.keys(), 'events of');
}
