import { differenceOf } from './document.ts';
import type { Facts, LedgerFact, OrderFact } from './facts.ts';

/** One thing that must hold, how many were looked at, and those for which it does not. */
export interface Finding {
  readonly rule: string;
  readonly checked: number;
  readonly violations: readonly string[];
}

/** States in which nothing is awaited any more. */
export const terminalStates = new Set(['COMPLETED', 'REJECTED', 'CANCELLED']);

/** What must hold whenever nothing is under way, each against a store of its own. */
export function checkInvariants(facts: Facts): Finding[] {
  return [
    everyRecordIsAnOrder(facts),
    everyOrderEnds(facts),
    eventsAreALegalPath(facts),
    documentsSayTheDecision(facts),
    progressFollows(facts),
    moneyAddsUp(facts),
    chargedOnce(facts),
    paymentsAgree(facts),
    stockAddsUp(facts),
    reservationsAgree(facts),
    deadLettersAreUnchanged(facts),
  ];
}

function findingOf<T>(
  rule: string,
  items: Iterable<T>,
  nameOf: (item: T) => string,
  problemOf: (item: T) => string | undefined,
): Finding {
  const all = [...items];
  return {
    rule,
    checked: all.length,
    violations: all.flatMap((item) => {
      const problem = problemOf(item);
      return problem === undefined ? [] : [`${nameOf(item)}: ${problem}`];
    }),
  };
}

function forOrders(facts: Facts, rule: string, problemOf: (order: OrderFact) => string | undefined): Finding {
  return findingOf(rule, facts.orders.values(), ({ id }) => id, problemOf);
}

function everyRecordIsAnOrder({ submissions, letters, orders }: Facts): Finding {
  const setAside = new Set(letters.map(({ source }) => source));
  return findingOf(
    'every record on orders is an order, or set aside',
    submissions,
    ({ position }) => position,
    ({ position, orderId }) => {
      if (setAside.has(position)) return undefined;
      if (orderId === undefined) return 'cannot be read, and is not in the dead letters';
      return orders.has(orderId) ? undefined : `order ${orderId} is not there`;
    },
  );
}

function everyOrderEnds(facts: Facts): Finding {
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

function eventsAreALegalPath(facts: Facts): Finding {
  const byOrder = Map.groupBy(facts.events, ({ orderId }) => orderId);
  const own = forOrders(
    facts,
    'the events of every order are told in order, each once, and lead to its state',
    ({ id, state, version }) => {
      // Repeats are allowed, but no event may come before its turn: the first of each counts.
      const all = byOrder.get(id) ?? [];
      const told = all.filter((event, index) => all.findIndex((other) => other.id === event.id) === index);
      const ids = told.map((event) => event.id).join(' ');
      const wanted = Array.from({ length: version }, (_, index) => `${id}/${index + 1}`).join(' ');
      if (ids !== wanted) return `told as [${ids}] instead of [${wanted}]`;
      const path = told.map(({ type }) => letters[type] ?? '?').join('');
      if (!legalPath.test(path)) return `told ${told.map(({ type }) => type).join(', ')}`;
      const after = stateAfter[path.at(-1) ?? ''];
      return after === state ? undefined : `${state}, but told ${told.at(-1)?.type ?? 'nothing'}`;
    },
  );
  const strangers = [...byOrder.keys()].filter((id) => !facts.orders.has(id));
  return {
    ...own,
    violations: [...own.violations, ...strangers.map((id) => `${id}: events of an unknown order`)],
  };
}

function documentsSayTheDecision({ decisions, documents }: Facts): Finding {
  const own = findingOf(
    'MongoDB shows every decision as Postgres holds it',
    decisions,
    ([id]) => id,
    ([id, decision]) => differenceOf(documents.get(id), decision),
  );
  const strangers = [...documents.values()].filter(
    ({ _id, outcome }) => outcome !== undefined && !decisions.has(_id),
  );
  return {
    ...own,
    violations: [...own.violations, ...strangers.map(({ _id }) => `${_id}: shown, but never decided`)],
  };
}

function progressFollows(facts: Facts): Finding {
  return forOrders(facts, 'the progress in MongoDB is the state in Postgres', ({ id, state, version }) => {
    if (version === 0) return undefined;
    const progress = facts.documents.get(id)?.progress;
    const follows =
      progress !== undefined && Number(progress.version) === version && progress.state === state;
    return follows
      ? undefined
      : `${state} at ${version}, shown as ${progress?.state} at ${progress?.version}`;
  });
}

function moneyAddsUp(facts: Facts): Finding {
  const byOrder = Map.groupBy(facts.ledger, ({ orderId }) => orderId);
  const own = forOrders(
    facts,
    'money is kept exactly for what is confirmed, and it is the whole total',
    ({ id, state, total, refunded }) => {
      const kept = balanceOf(byOrder.get(id) ?? []);
      const mustKeep = (state === 'CONFIRMED' || state === 'COMPLETED') && !refunded;
      // While an order is under way its money may have moved and not be known yet.
      if (!mustKeep && !terminalStates.has(state))
        return kept === 0n || kept === total ? undefined : `${kept} kept`;
      const wanted = mustKeep ? (total ?? 0n) : 0n;
      return kept === wanted
        ? undefined
        : `${state}${refunded ? ', refunded' : ''}: ${kept} kept instead of ${wanted}`;
    },
  );
  const strangers = [...byOrder.keys()].filter((id) => !facts.orders.has(id));
  return {
    ...own,
    violations: [...own.violations, ...strangers.map((id) => `${id}: charged for an unknown order`)],
  };
}

/** What the customer has paid and not got back. */
function balanceOf(entries: readonly LedgerFact[]): bigint {
  return entries.reduce((sum, { kind, amount }) => sum + (kind === 'CHARGE' ? amount : -amount), 0n);
}

function chargedOnce({ ledger }: Facts): Finding {
  return findingOf(
    'the gateway never had two charges of one order standing at once',
    Map.groupBy(ledger, ({ orderId }) => orderId),
    ([orderId]) => orderId,
    ([, entries]) => {
      const standing = new Set<string>();
      for (const { kind, chargeKey } of entries) {
        if (kind !== 'CHARGE') standing.delete(chargeKey);
        else if (standing.add(chargeKey).size > 1) return `charged as ${[...standing].join(' and ')}`;
      }
      return undefined;
    },
  );
}

/** The states a payment may be in, by the state of its order; others say nothing about it. */
const paymentStates: Readonly<Record<string, readonly string[]>> = {
  CONFIRMED: ['PROCESSED'],
  COMPLETED: ['PROCESSED', 'REFUNDING', 'REFUNDED'],
  // A payment that failed has nothing to undo, and stays what it is.
  CANCELLED: ['VOIDED', 'FAILED', 'REFUNDED'],
};

function paymentsAgree(facts: Facts): Finding {
  return forOrders(facts, 'payment agrees with every order', ({ id, state, version, refunded, total }) => {
    const payment = facts.payments.get(id);
    const allowed = refunded ? ['REFUNDED'] : paymentStates[state];
    // One that was cancelled before its decision was never heard of by anybody.
    if (allowed === undefined || (state === 'CANCELLED' && version === 1)) return undefined;
    if (payment === undefined) return `${state} without a payment`;
    if (!allowed.includes(payment.state)) return `${state} with a payment ${payment.state}`;
    return state !== 'CANCELLED' && payment.amount !== total
      ? `paid ${payment.amount} of ${total}`
      : undefined;
  });
}

function stockAddsUp({ stock, reservations }: Facts): Finding {
  const open = new Map<string, bigint>();
  const gone = new Map<string, bigint>();
  for (const { state, lines } of reservations.values()) {
    const sums = state === 'RESERVED' ? open : state === 'COMMITTED' ? gone : undefined;
    for (const [product, quantity] of lines) sums?.set(product, (sums.get(product) ?? 0n) + quantity);
  }
  return findingOf(
    'stock adds up: what came is what lies there and what left; what is reserved is held for somebody',
    stock,
    ({ productId }) => productId,
    ({ productId, onHand, reserved, committed, adjusted }) => {
      if (onHand < 0n || reserved < 0n || reserved > onHand) return `${reserved} reserved of ${onHand}`;
      if (adjusted !== onHand + committed)
        return `${adjusted} came; ${onHand} are there and ${committed} left`;
      const held = open.get(productId) ?? 0n;
      if (held !== reserved) return `${reserved} reserved, but ${held} held for orders`;
      const left = gone.get(productId) ?? 0n;
      return left === committed ? undefined : `${committed} left, but ${left} with orders`;
    },
  );
}

/** The states a reservation may be in, by the state of its order; others say nothing about it. */
const reservationStates: Readonly<Record<string, readonly string[]>> = {
  RESERVED: ['RESERVED'],
  CONFIRMED: ['RESERVED', 'COMMITTED'],
  COMPLETED: ['COMMITTED'],
  CANCELLED: ['RELEASED'],
};

function reservationsAgree(facts: Facts): Finding {
  return forOrders(facts, 'inventory agrees with every order', ({ id, state, version }) => {
    const allowed = reservationStates[state];
    if (allowed === undefined || (state === 'CANCELLED' && version === 1)) return undefined;
    const reservation = facts.reservations.get(id);
    if (reservation === undefined) return `${state} without a reservation`;
    return allowed.includes(reservation.state)
      ? undefined
      : `${state} with a reservation ${reservation.state}`;
  });
}

function deadLettersAreUnchanged({ letters: all, sources }: Facts): Finding {
  return findingOf(
    'every dead letter is the record it came from, byte for byte',
    all,
    ({ position }) => position,
    ({ source, key, value }) => {
      const record = sources.get(source);
      // Topics of events forget after a while.
      if (record === undefined) return undefined;
      const isSame = equal(record.key, key) && equal(record.value, value);
      return isSame ? undefined : `differs from ${source}`;
    },
  );
}

function equal(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}
