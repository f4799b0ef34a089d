import { decide as decideStock, type OrderEvent } from '@orderflow/inventory/domain/reservation';
import type { Stock } from '@orderflow/inventory/domain/stock';
import { isStep, type Limits, react } from '@orderflow/order/domain/order-step';
import type { Happening, sagaTable } from '@orderflow/order/domain/saga';
import { decide as decidePayment } from '@orderflow/payment/domain/decide';
import type { Call, Input, Terms } from '@orderflow/payment/domain/input';
import { again, type Message, now, type OrderWorld, product, type Reader, total } from './world.ts';

const limits: Limits = { decisionMs: 1, orderMs: 2, settleMs: 1 };
const terms: Terms = { retryDelaysMs: [0], settleIntervalMs: 0, refusedIntervalMs: 0, callTimeoutMs: 0 };

/** Puts a message on a topic. */
function tell(of: OrderWorld, topic: keyof OrderWorld['topics'], messages: readonly Message[]): OrderWorld {
  if (messages.length === 0) return of;
  return { ...of, topics: { ...of.topics, [topic]: [...of.topics[topic], ...messages] } };
}

/** Something happens to the order, as the order service takes it. Undefined when that changes nothing. */
export function happens(
  of: OrderWorld,
  happening: Happening,
  table: typeof sagaTable,
): OrderWorld | undefined {
  const occurrence = { orderId: of.order.orderId, happening, cause: 'search' };
  const reaction = react(of.order, occurrence, limits, table);
  if (!isStep(reaction)) return undefined;
  const { after, tells, look, kind } = reaction;
  const last = of.topics.orderEvents.at(-1)?.replace(again, '');
  const repeats = kind === 'requeried' && last !== undefined ? [`${last}${again}`] : [];
  const isWatched = look === 'keep' ? of.isWatched : look !== 'none';
  return tell({ ...of, order: after, isWatched }, 'orderEvents', [...tells, ...repeats]);
}

const payable = { customerId: 'c-1', total, currency: 'USD' };
const answers = {
  RESERVED: 'InventoryReserved',
  UNAVAILABLE: 'InventoryUnavailable',
  RELEASED: 'InventoryReleased',
  COMMITTED: 'InventoryCommitted',
} as const;

function stockEvent(orderId: string, message: Message): OrderEvent | undefined {
  const requery = message.endsWith(again);
  switch (message.replace(again, '')) {
    case 'OrderAccepted':
      return {
        kind: 'accepted',
        orderId,
        requery,
        lines: [{ productId: product, quantity: 1n }],
        payable,
      };
    case 'OrderReserved':
      return requery ? { kind: 'reserved', orderId, requery } : undefined;
    case 'OrderConfirmed':
      return { kind: 'confirmed', orderId, requery };
    case 'OrderCancelRequested':
      return { kind: 'cancel_requested', orderId, requery };
    default:
      return undefined;
  }
}

const paymentInputs: Record<string, readonly Input[]> = {
  InventoryReserved: [
    { kind: 'reserved', customerId: payable.customerId, amount: total, currency: payable.currency },
  ],
  OrderAccepted: [],
  OrderReserved: [],
  OrderConfirmed: [],
  OrderCancelRequested: [{ kind: 'cancel_requested' }],
  OrderCompleted: [{ kind: 'completed' }],
};

function inputsOf(message: Message): readonly Input[] {
  const inputs = paymentInputs[message.replace(again, '')];
  if (inputs === undefined) return [];
  return message.endsWith(again) ? [...inputs, { kind: 'asked_again' }] : inputs;
}

/** Whether a message is none of a reader's business. */
export function isSkipped(reader: Reader, message: Message): boolean {
  if (reader.startsWith('inventory')) return stockEvent('', message) === undefined;
  return reader.startsWith('payment') && inputsOf(message).length === 0;
}

/** Something happens to the payment of the order. */
export function pays(of: OrderWorld, input: Input): OrderWorld {
  const decision = decidePayment(of.payment, input, of.order.orderId, now, terms);
  const next: OrderWorld = {
    ...of,
    payment: decision.next,
    calls:
      decision.call === undefined
        ? of.calls
        : [...of.calls, { call: decision.call, isAwaited: true, reply: undefined }],
    contradiction: decision.contradiction ?? of.contradiction,
  };
  return decision.answer === undefined ? next : tell(next, 'paymentEvents', [decision.answer]);
}

/** A reader takes a message; its offset stays. Undefined where that changes nothing. */
export function takes(
  of: OrderWorld,
  stock: ReadonlyMap<string, Stock>,
  reader: Reader,
  message: Message,
  table: typeof sagaTable,
): { readonly of: OrderWorld; readonly stock: ReadonlyMap<string, Stock> } {
  if (reader.startsWith('order')) return { of: happens(of, message as Happening, table) ?? of, stock };
  if (reader.startsWith('payment')) return { of: inputsOf(message).reduce(pays, of), stock };

  const event = stockEvent(of.order.orderId, message);
  if (event === undefined) return { of, stock };
  const decision = decideStock(of.reservation, stock, event, now);
  if (decision.kind === 'already_done') return { of, stock };
  if (decision.kind === 'contradictory')
    return { of: { ...of, contradiction: `inventory: ${decision.detail}` }, stock };
  const { reservation } = decision;
  const changed = decision.kind === 'applied' ? decision.stock : [];
  return {
    of: tell({ ...of, reservation }, 'inventoryEvents', [answers[reservation.state]]),
    stock: new Map([...stock, ...changed.map((level) => [level.productId, level] as const)]),
  };
}

/** What the gateway makes of a call that arrives, one world for each thing it may say. */
export function arrives(
  charges: OrderWorld['charges'],
  { kind, key }: Call,
  mayPutOff: boolean,
): {
  readonly reply: NonNullable<OrderWorld['calls'][number]['reply']>;
  readonly charges: OrderWorld['charges'];
}[] {
  switch (kind) {
    case 'CHARGE': {
      const known = charges[key];
      if (known !== undefined) return [{ reply: known === 'refunded' ? 'approved' : known, charges }];
      const replies = [
        'approved',
        'declined',
        ...(mayPutOff ? ['temporarily_declined' as const] : []),
      ] as const;
      return replies.map((reply) => ({ reply, charges: { ...charges, [key]: reply } }));
    }
    case 'VOID':
      return [{ reply: 'voided', charges: { ...charges, [key]: 'voided' } }];
    case 'REFUND': {
      const standing = Object.keys(charges).find((charge) => charges[charge] === 'approved');
      return [
        {
          reply: 'refunded',
          charges: standing === undefined ? charges : { ...charges, [standing]: 'refunded' },
        },
      ];
    }
  }
}
