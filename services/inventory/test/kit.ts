import type { OrderEvent } from '../src/domain/reservation.ts';
import type { TracedEvent } from '../src/use-cases/handle-order-events.ts';

export const now = new Date('2026-11-25T12:00:00.123Z');
export const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

export type Lines = Readonly<Record<string, number>>;

/** Customer c-1 ordered these quantities of products; 10.80 USD are to be paid. */
export function accepted(orderId: string, lines: Lines, { requery = false } = {}): OrderEvent {
  return {
    kind: 'accepted',
    orderId,
    requery,
    lines: Object.entries(lines).map(([productId, quantity]) => ({ productId, quantity: BigInt(quantity) })),
    payable: { customerId: 'c-1', total: 1_080n, currency: 'USD' },
  };
}

export function reserved(orderId: string, { requery = false } = {}): OrderEvent {
  return { kind: 'reserved', orderId, requery };
}

export function confirmed(orderId: string, { requery = false } = {}): OrderEvent {
  return { kind: 'confirmed', orderId, requery };
}

export function cancelRequested(orderId: string, { requery = false } = {}): OrderEvent {
  return { kind: 'cancel_requested', orderId, requery };
}

export function traced(event: OrderEvent): TracedEvent {
  return { event, traceparent };
}
