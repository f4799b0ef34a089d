import type { OrderFacts, SharedFacts } from './facts.ts';
import { type Finding, findingOf, forOrders, wasNeverDecided, withA, withStrangers } from './finding.ts';

/** Compares the stock with the reservations and with the manual changes. */
export function stockAddsUp({ stock }: SharedFacts): Finding {
  return findingOf(
    'stock adds up: received equals on hand plus committed; reserved equals the open reservations',
    stock,
    ({ productId }) => productId,
    ({ onHand, reserved, committed, adjusted, held, left }) => {
      if (onHand < 0n || reserved < 0n || reserved > onHand) return `${reserved} reserved of ${onHand}`;
      if (adjusted !== onHand + committed)
        return `${adjusted} received; ${onHand} on hand and ${committed} committed`;
      if (held !== reserved) return `${reserved} reserved, but open reservations hold ${held}`;
      return left === committed
        ? undefined
        : `${committed} committed, but committed reservations have ${left}`;
    },
  );
}

/** Inventory was not asked for anything; a reservation that is closed without lines is fine. */
const nothingToHold = [undefined, 'RELEASED'];

/** The allowed states of a reservation, by the state of its order; undefined: none. Missing: every state is allowed. */
const reservationStates: Readonly<Record<string, readonly (string | undefined)[]>> = {
  PENDING: nothingToHold,
  REJECTED: nothingToHold,
  RESERVED: ['RESERVED'],
  CONFIRMED: ['RESERVED', 'COMMITTED'],
  COMPLETED: ['COMMITTED'],
  CANCELLED: ['RELEASED'],
};

/** Compares the reservations with the orders. */
export function reservationsAgree(facts: OrderFacts): Finding {
  const own = forOrders(facts, 'the reservation matches every order', (order) => {
    const reservation = facts.reservations.get(order.id);
    const allowed = wasNeverDecided(order) ? nothingToHold : reservationStates[order.state];
    if (allowed === undefined || allowed.includes(reservation?.state)) return undefined;
    return `${order.state} ${withA('reservation', reservation)}`;
  });
  return withStrangers(own, facts, facts.reservations.keys(), 'a reservation of');
}
