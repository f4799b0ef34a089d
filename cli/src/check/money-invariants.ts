import type { LedgerFact, OrderFacts, PaymentFact } from './facts.ts';
import {
  type Finding,
  findingOf,
  forOrders,
  terminalStates,
  wasNeverDecided,
  withA,
  withStrangers,
} from './finding.ts';

/** Compares the gateway's ledger with the orders. */
export function moneyAddsUp(facts: OrderFacts): Finding {
  const byOrder = Map.groupBy(facts.ledger, ({ orderId }) => orderId);
  const own = forOrders(
    facts,
    'money is kept exactly for confirmed and completed orders, and it is the whole total',
    ({ id, state, total, refunded }) => {
      const captured = capturedAmount(byOrder.get(id) ?? [], facts.payments.get(id));
      const mustKeep = (state === 'CONFIRMED' || state === 'COMPLETED') && !refunded;
      // While an order is in progress its charge may have been made without being known yet.
      if (!mustKeep && !terminalStates.has(state))
        return captured === 0n || captured === total ? undefined : `${captured} kept`;
      const wanted = mustKeep ? (total ?? 0n) : 0n;
      return captured === wanted
        ? undefined
        : `${state}${refunded ? ', refunded' : ''}: ${captured} kept instead of ${wanted}`;
    },
  );
  // A charge for an unknown order that was undone is settled.
  const captured = [...byOrder].filter(
    ([id, entries]) => capturedAmount(entries, facts.payments.get(id)) !== 0n,
  );
  return withStrangers(
    own,
    facts,
    captured.map(([id]) => id),
    'charged for',
  );
}

/** What the customer has paid and was not refunded. */
function capturedAmount(entries: readonly LedgerFact[], payment: PaymentFact | undefined): bigint {
  const balance = entries.reduce((sum, { kind, amount }) => sum + (kind === 'CHARGE' ? amount : -amount), 0n);
  // A bank transfer is in no ledger. Settling by hand covers the whole charge, and nothing else.
  return payment?.isSettledByHand && balance === payment.amount ? 0n : balance;
}

/** Looks for double charges in the gateway's ledger. */
export function chargedOnce({ ledger }: OrderFacts): Finding {
  return findingOf(
    'the gateway never had two charges of one order standing at once',
    Map.groupBy(ledger, ({ orderId }) => orderId),
    ([orderId]) => orderId,
    ([, entries]) => {
      const openCharges = new Set<string>();
      for (const { kind, chargeKey } of entries) {
        if (kind !== 'CHARGE') openCharges.delete(chargeKey);
        else if (openCharges.add(chargeKey).size > 1) return `charged as ${[...openCharges].join(' and ')}`;
      }
      return undefined;
    },
  );
}

/** Payment was not asked for anything; a payment that is closed without a charge is fine. */
const nothingToPay = [undefined, 'VOIDED'];

/**
 * The allowed states of a payment, by the state of its order; undefined: no payment. Missing: every state is allowed.
 */
const paymentStates: Readonly<Record<string, readonly (string | undefined)[]>> = {
  PENDING: nothingToPay,
  REJECTED: nothingToPay,
  CONFIRMED: ['PROCESSED'],
  COMPLETED: ['PROCESSED'],
  // A failed payment has nothing to undo, and does not change.
  CANCELLED: ['VOIDED', 'FAILED', 'REFUNDED'],
};

/** Nothing was charged, or all of it was returned, permanently. */
const withoutCapture = new Set(['VOIDED', 'FAILED', 'REFUNDED']);

/** Compares the payments with the orders. */
export function paymentsAgree(facts: OrderFacts): Finding {
  const own = forOrders(facts, 'the payment matches every order', (order) => {
    const { id, state, refunded, total } = order;
    const payment = facts.payments.get(id);
    const allowed = refunded ? ['REFUNDED'] : wasNeverDecided(order) ? nothingToPay : paymentStates[state];
    if (allowed === undefined) return undefined;
    if (!allowed.includes(payment?.state)) return `${state} ${withA('payment', payment)}`;
    return (state === 'CONFIRMED' || state === 'COMPLETED') && payment?.amount !== total
      ? `paid ${payment?.amount} of ${total}`
      : undefined;
  });
  const openCharges = [...facts.payments.values()].filter(({ state }) => !withoutCapture.has(state));
  const strangers = withStrangers(
    own,
    facts,
    openCharges.map(({ orderId }) => orderId),
    'a payment of',
  );
  return withStrangers(strangers, facts, facts.waitingCharges, 'a charge waits for');
}
