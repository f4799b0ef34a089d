import {
  type Decision,
  decide,
  type OrderEvent,
  productsOf,
  type Reservation,
} from '../domain/reservation.ts';
import type { Stock } from '../domain/stock.ts';
import type { InReservationTransaction, Reply } from '../ports.ts';

/** An event of the order service, and its trace. */
export interface TracedEvent {
  readonly event: OrderEvent;
  readonly traceparent: string;
}

/** Handles events in their order, all of them or none; returns the decision of each. */
export type HandleOrderEvents = (events: readonly TracedEvent[]) => Promise<Decision[]>;

/** Creates the use case that reserves, commits and releases stock, and replies to the order service. */
export function createHandleOrderEvents({
  inTransaction,
  now,
}: {
  readonly inTransaction: InReservationTransaction;
  readonly now: () => Date;
}): HandleOrderEvents {
  return (events) =>
    inTransaction(async (transaction) => {
      const orderIds = new Set(events.map(({ event }) => event.orderId));
      const ordered = new Set(events.flatMap(({ event }) => productsOf(event)));
      const locked = await transaction.lock([...orderIds], [...ordered]);
      const stored = byKey(locked.reservations, ({ orderId }) => orderId);
      const stock = byKey(locked.stock, ({ productId }) => productId);

      const time = now();
      const reservations = new Map(stored);
      const changedReservations = new Map<string, Reservation>();
      const changedStock = new Map<string, Stock>();
      const replies: Reply[] = [];
      const decisions = events.map(({ event, traceparent }) => {
        const decision = decide(reservations.get(event.orderId), stock, event, time);
        if (decision.kind === 'applied') {
          reservations.set(event.orderId, decision.reservation);
          changedReservations.set(event.orderId, decision.reservation);
          for (const level of decision.stock) {
            stock.set(level.productId, level);
            changedStock.set(level.productId, level);
          }
        }
        if ('reservation' in decision) replies.push({ reservation: decision.reservation, traceparent });
        return decision;
      });

      const changed = [...changedReservations.values()];
      transaction.write({
        opened: changed.filter(({ orderId }) => !stored.has(orderId)),
        moved: changed.filter(({ orderId }) => stored.has(orderId)),
        stock: [...changedStock.values()],
        replies,
      });
      return decisions;
    });
}

function byKey<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T> {
  return new Map(items.map((item) => [keyOf(item), item]));
}
