import type { EventFact, OrderFacts } from './facts.ts';
import { type Finding, forOrders, terminalStates, withStrangers } from './finding.ts';

/** Checks that no order waits unnoticed. */
export function everyOrderEnds(facts: OrderFacts): Finding {
  return forOrders(
    facts,
    'every order has ended, is within its deadline, or needs attention',
    ({ state, deadlineTime, needsAttention }) => {
      if (terminalStates.has(state) || needsAttention !== undefined) return undefined;
      if (deadlineTime === undefined) return `${state}, without a deadline`;
      return deadlineTime < facts.now
        ? `${state}, its deadline was ${deadlineTime.toISOString()}`
        : undefined;
    },
  );
}

/** Each event as one letter, so that the events of an order are a word. */
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

/** Rejected; cancelled undecided; a prefix of completed, and perhaps refunded; a prefix of cancelled. */
const legalPath = /^(j|x|a|ar|arf|arfc|arfcu|ar?q|ar?qx)?$/;

/** The state of an order after its last event. */
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

/** The first event of each id. */
function firstOfEach(events: readonly EventFact[]): EventFact[] {
  const byId = new Map<string, EventFact>();
  for (const event of events) if (!byId.has(event.id)) byId.set(event.id, event);
  return [...byId.values()];
}

/** Compares the events with the orders. */
export function eventsAreALegalPath(facts: OrderFacts): Finding {
  const byOrder = Map.groupBy(facts.events, ({ orderId }) => orderId);
  const own = forOrders(
    facts,
    'the events of every order are published in order, each once, and lead to its state',
    ({ id, state, version, refunded }) => {
      // Repeats are allowed, but no event may be out of order: the first of each counts.
      const published = firstOfEach(byOrder.get(id) ?? []);
      const ids = published.map((event) => event.id).join(' ');
      const wanted = Array.from({ length: version }, (_, index) => `${id}/${index + 1}`).join(' ');
      if (ids !== wanted) return `published [${ids}] instead of [${wanted}]`;
      const path = published.map(({ type }) => letters[type] ?? '?').join('');
      if (!legalPath.test(path)) return `published ${published.map(({ type }) => type).join(', ')}`;
      if (refunded !== path.endsWith('u'))
        return refunded
          ? 'refunded, but OrderRefunded was not published'
          : 'not refunded, but OrderRefunded was published';
      const after = stateAfter[path.at(-1) ?? ''];
      return after === state
        ? undefined
        : `${state}, but the last event is ${published.at(-1)?.type ?? 'none'}`;
    },
  );
  return withStrangers(own, facts, byOrder.keys(), 'events of');
}
