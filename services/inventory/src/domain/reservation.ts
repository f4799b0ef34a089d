import { available, noStock, type Stock } from './stock.ts';

/** How far a reservation is. RELEASED and COMMITTED are final. */
export type ReservationState = 'RESERVED' | 'UNAVAILABLE' | 'RELEASED' | 'COMMITTED';

/** Some pieces of one product. */
export interface OrderedLine {
  readonly productId: string;
  /** At least 1. */
  readonly quantity: bigint;
}

/** One product of a reservation. */
export interface ReservationLine extends OrderedLine {
  /** How many could be had; only on the short lines of an order that could not be served. */
  readonly available?: bigint;
}

/** What is to be paid, and by whom: passed on to payment. */
export interface Payable {
  readonly customerId: string;
  /** In minor units. */
  readonly total: bigint;
  readonly currency: string;
}

/** What is, or was, held for an order. Never deleted: a final one keeps late events from doing anything. */
export interface Reservation {
  readonly orderId: string;
  readonly state: ReservationState;
  /** One line a product; empty when the order was cancelled before it was heard of. */
  readonly lines: readonly ReservationLine[];
  /** Undefined when the order was cancelled before it was heard of. */
  readonly payable: Payable | undefined;
  readonly createTime: Date;
  /** When the state last changed. */
  readonly updateTime: Date;
}

/** What the order service says of an order. `requery`: it asks for an answer, also if there was one before. */
export type OrderEvent = { readonly orderId: string; readonly requery: boolean } & (
  | { readonly kind: 'accepted'; readonly lines: readonly OrderedLine[]; readonly payable: Payable }
  | { readonly kind: 'reserved' | 'confirmed' | 'cancel_requested' }
);

/**
 * What an event does. The answer to an order is its reservation: each state has one event that tells it.
 * `applied`: a new state, and the stock that changed with it; it is to be told.
 * `told_again`: nothing changes, the answer is to be told once more.
 * `already_done`: a repeat, or late.
 * `contradictory`: by the rules it cannot be.
 */
export type Decision =
  | { readonly kind: 'applied'; readonly reservation: Reservation; readonly stock: readonly Stock[] }
  | { readonly kind: 'told_again'; readonly reservation: Reservation }
  | { readonly kind: 'already_done' }
  | { readonly kind: 'contradictory'; readonly detail: string };

/**
 * Decides what an event does to the reservation of its order, if there is one, and to the stock of its products.
 * `stock` must hold the products that {@link productsOf} names; one that is missing was never stocked.
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
      // Asks for nothing by itself: only told again when payment has not answered, which acts on what is told here.
      if (current !== undefined) return repeat(current, event);
      return { kind: 'contradictory', detail: `the order is reserved, and ${stateOf(current)}` };

    case 'confirmed':
      if (current?.state === 'COMMITTED') return repeat(current, event);
      if (current?.state === 'RESERVED') return move(current, 'COMMITTED', stock, now);
      return { kind: 'contradictory', detail: `the order is confirmed, and ${stateOf(current)}` };

    case 'cancel_requested':
      if (current === undefined) return applied(closed(event.orderId, now));
      if (current.state === 'RELEASED') return repeat(current, event);
      if (current.state === 'COMMITTED') {
        return { kind: 'contradictory', detail: `the order is to be cancelled, and ${stateOf(current)}` };
      }
      return move(current, 'RELEASED', stock, now);
  }
}

/** The products whose stock an event may change. */
export function productsOf(current: Reservation | undefined, event: OrderEvent): string[] {
  if (event.kind === 'accepted') return current === undefined ? event.lines.map(productId) : [];
  return current?.state === 'RESERVED' ? current.lines.map(productId) : [];
}

/** All lines or none. */
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

/** Ends a reservation; gives back what it holds, or takes it from the shelf. */
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
  return requery ? { kind: 'told_again', reservation } : { kind: 'already_done' };
}

function stateOf(current: Reservation | undefined): string {
  return current === undefined ? 'nothing was ever reserved for it' : `its reservation is ${current.state}`;
}

const productId = (line: OrderedLine) => line.productId;
