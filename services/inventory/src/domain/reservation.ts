import { available, noStock, type Stock } from './stock.ts';

/** The state of a reservation. RELEASED and COMMITTED are final. */
export type ReservationState = 'RESERVED' | 'UNAVAILABLE' | 'RELEASED' | 'COMMITTED';

/** A quantity of one product. */
export interface OrderedLine {
  readonly productId: string;
  /** At least 1. */
  readonly quantity: bigint;
}

/** One product of a reservation. */
export interface ReservationLine extends OrderedLine {
  /** The available quantity; only on the short lines of an unavailable order. */
  readonly available?: bigint;
}

/** What is to be paid, and by whom: passed on to payment. */
export interface Payable {
  readonly customerId: string;
  /** In minor units. */
  readonly total: bigint;
  readonly currency: string;
}

/** The reservation of an order. Never deleted: a final one makes late events harmless. */
export interface Reservation {
  readonly orderId: string;
  readonly state: ReservationState;
  /** One line per product; empty when the order was cancelled before OrderAccepted arrived. */
  readonly lines: readonly ReservationLine[];
  /** Undefined when the order was cancelled before OrderAccepted arrived. */
  readonly payable: Payable | undefined;
  readonly createTime: Date;
  /** When the state last changed. */
  readonly updateTime: Date;
}

/** An event of the order service. `requery`: it asks for a reply, also if there was one before. */
export type OrderEvent = { readonly orderId: string; readonly requery: boolean } & (
  | { readonly kind: 'accepted'; readonly lines: readonly OrderedLine[]; readonly payable: Payable }
  | { readonly kind: 'reserved' | 'confirmed' | 'cancel_requested' }
);

/**
 * What an event does. The reply to an order is its reservation: each state has one event.
 * `applied`: a new state, and the stock that changed with it; it is published.
 * `republished`: nothing changes, the reply is republished.
 * `duplicate`: a duplicate, or late.
 * `contradiction`: the rules do not allow it.
 */
export type Decision =
  | { readonly kind: 'applied'; readonly reservation: Reservation; readonly stock: readonly Stock[] }
  | { readonly kind: 'republished'; readonly reservation: Reservation }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'contradiction'; readonly detail: string };

/**
 * Decides what an event does to the reservation of its order, if there is one, and to the stock of its products.
 * `stock` must contain the products of the reservation and those that {@link productsOf} returns; a missing one was
 * never stocked.
 */
export function decide(
  current: Reservation | undefined,
  stock: ReadonlyMap<string, Stock>,
  event: OrderEvent,
  now: Date,
): Decision {
  switch (event.kind) {
    case 'accepted':
      if (current !== undefined) return repeat(current, event);
      return reserve(event, stock, now);

    case 'reserved':
      // Only handled when payment has not replied, which depends on the event published here.
      if (current !== undefined) return repeat(current, event);
      return { kind: 'contradiction', detail: `the order is reserved, and ${stateOf(current)}` };

    case 'confirmed':
      if (current?.state === 'COMMITTED') return repeat(current, event);
      if (current?.state === 'RESERVED') return move(current, 'COMMITTED', stock, now);
      return { kind: 'contradiction', detail: `the order is confirmed, and ${stateOf(current)}` };

    case 'cancel_requested':
      if (current === undefined) return applied(closed(event.orderId, now));
      if (current.state === 'RELEASED') return repeat(current, event);
      if (current.state === 'COMMITTED') {
        return { kind: 'contradiction', detail: `the order is to be cancelled, and ${stateOf(current)}` };
      }
      return move(current, 'RELEASED', stock, now);
  }
}

/** The products that an event names; those of a reservation are in its lines. */
export function productsOf(event: OrderEvent): string[] {
  return event.kind === 'accepted' ? event.lines.map(({ productId }) => productId) : [];
}

/** Reserves all lines or none. */
function reserve(
  { orderId, lines, payable }: Extract<OrderEvent, { kind: 'accepted' }>,
  stock: ReadonlyMap<string, Stock>,
  now: Date,
): Decision {
  const levels = lines.map(({ productId }) => stock.get(productId) ?? noStock(productId));
  const reservation = { orderId, payable, createTime: now, updateTime: now };
  const checked = lines.map((line, index): ReservationLine => {
    const had = available(levels[index] as Stock);
    return had < line.quantity ? { ...line, available: had } : line;
  });
  if (checked.some((line) => line.available !== undefined)) {
    return applied({ ...reservation, state: 'UNAVAILABLE', lines: checked });
  }
  return applied(
    { ...reservation, state: 'RESERVED', lines },
    levels.map((level, index) => {
      const { quantity } = lines[index] as OrderedLine;
      return { ...level, reserved: level.reserved + quantity, updateTime: now };
    }),
  );
}

/** Ends a reservation; releases the stock that it holds, or commits it. */
function move(
  current: Reservation,
  state: 'RELEASED' | 'COMMITTED',
  stock: ReadonlyMap<string, Stock>,
  now: Date,
): Decision {
  const held = current.state === 'RESERVED' ? current.lines : [];
  const levels = held.map(({ productId, quantity }) => {
    const level = stock.get(productId);
    if (level === undefined)
      throw new Error(`order ${current.orderId} holds ${productId}, which has no stock`);
    const left = state === 'COMMITTED' ? quantity : 0n;
    return {
      ...level,
      onHand: level.onHand - left,
      reserved: level.reserved - quantity,
      committed: level.committed + left,
      updateTime: now,
    };
  });
  return applied({ ...current, state, updateTime: now }, levels);
}

function closed(orderId: string, now: Date): Reservation {
  return { orderId, state: 'RELEASED', lines: [], payable: undefined, createTime: now, updateTime: now };
}

function applied(reservation: Reservation, stock: readonly Stock[] = []): Decision {
  return { kind: 'applied', reservation, stock };
}

function repeat(reservation: Reservation, { requery }: OrderEvent): Decision {
  return requery ? { kind: 'republished', reservation } : { kind: 'duplicate' };
}

function stateOf(current: Reservation | undefined): string {
  return current === undefined ? 'nothing was ever reserved for it' : `its reservation is ${current.state}`;
}
