import type { Facts, LedgerFact, PaymentFact } from './facts.ts';
import {
  type Finding,
  findingOf,
  forOrders,
  terminalStates,
  wasNeverDecided,
  withA,
  withStrangers,
} from './finding.ts';

/** Holds the gateway's ledger against the orders. */
export function moneyAddsUp(facts: Facts): Finding {
  const byOrder = Map.groupBy(facts.ledger, ({ orderId }) => orderId);
  const own = forOrders(
    facts,
    'money is kept exactly for what is confirmed, and it is the whole total',
    ({ id, state, total, refunded }) => {
      const kept = keptOf(byOrder.get(id) ?? [], facts.payments.get(id));
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
  return withStrangers(own, facts, byOrder.keys(), 'charged for');
}

/** What the customer has paid and not got back. */
function keptOf(entries: readonly LedgerFact[], payment: PaymentFact | undefined): bigint {
  const balance = entries.reduce((sum, { kind, amount }) => sum + (kind === 'CHARGE' ? amount : -amount), 0n);
  // A bank transfer is in no ledger. Who vouches for it vouches for the whole charge, and for nothing else.
  return payment?.isSettledByHand && balance === payment.amount ? 0n : balance;
}

/** Looks for double charges in the gateway's ledger. */
export function chargedOnce({ ledger }: Facts): Finding {
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

/** Nothing was asked of payment; a closed marker would do nothing. */
const nothingToPay = [undefined, 'VOIDED'];

/** The states a payment may be in, by the state of its order, undefined for none; others say nothing about it. */
const paymentStates: Readonly<Record<string, readonly (string | undefined)[]>> = {
  PENDING: nothingToPay,
  REJECTED: nothingToPay,
  CONFIRMED: ['PROCESSED'],
  COMPLETED: ['PROCESSED'],
  // A payment that failed has nothing to undo, and stays what it is.
  CANCELLED: ['VOIDED', 'FAILED', 'REFUNDED'],
};

/** Holds the payments against the orders. */
export function paymentsAgree(facts: Facts): Finding {
  const own = forOrders(facts, 'payment agrees with every order', (order) => {
    const { id, state, refunded, total } = order;
    const payment = facts.payments.get(id);
    const allowed = refunded ? ['REFUNDED'] : wasNeverDecided(order) ? nothingToPay : paymentStates[state];
    if (allowed === undefined) return undefined;
    if (!allowed.includes(payment?.state)) return `${state} ${withA('payment', payment)}`;
    return (state === 'CONFIRMED' || state === 'COMPLETED') && payment?.amount !== total
      ? `paid ${payment?.amount} of ${total}`
      : undefined;
  });
  return withStrangers(own, facts, facts.payments.keys(), 'a payment of');
}
