import type { Facts } from './facts.ts';
import { type Finding, findingOf, forOrders, wasNeverDecided, withA, withStrangers } from './finding.ts';

/** Holds the stock against the reservations and what was changed by hand. */
export function stockAddsUp({ stock, reservations }: Facts): Finding {
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

/** Nothing was asked of inventory; a closed marker holds nothing. */
const nothingToHold = [undefined, 'RELEASED'];

/** The states a reservation may be in, by the state of its order, undefined for none; others say nothing about it. */
const reservationStates: Readonly<Record<string, readonly (string | undefined)[]>> = {
  PENDING: nothingToHold,
  REJECTED: nothingToHold,
  RESERVED: ['RESERVED'],
  CONFIRMED: ['RESERVED', 'COMMITTED'],
  COMPLETED: ['COMMITTED'],
  CANCELLED: ['RELEASED'],
};

/** Holds the reservations against the orders. */
export function reservationsAgree(facts: Facts): Finding {
  const own = forOrders(facts, 'inventory agrees with every order', (order) => {
    const reservation = facts.reservations.get(order.id);
    const allowed = wasNeverDecided(order) ? nothingToHold : reservationStates[order.state];
    if (allowed === undefined || allowed.includes(reservation?.state)) return undefined;
    return `${order.state} ${withA('reservation', reservation)}`;
  });
  return withStrangers(own, facts, facts.reservations.keys(), 'a reservation of');
}
