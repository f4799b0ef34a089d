import { decide as decideStock, type OrderEvent } from '@orderflow/inventory/domain/reservation';
import type { Stock } from '@orderflow/inventory/domain/stock';
import type { SagaInputKind, sagaTable } from '@orderflow/order/domain/saga';
import { applyInput, isTransition, type Limits } from '@orderflow/order/domain/transition';
import { decide as decidePayment } from '@orderflow/payment/domain/decide';
import type { Call, Input, Terms } from '@orderflow/payment/domain/input';
import { again, type Message, now, type OrderWorld, product, type Reader, total } from './world.ts';

const limits: Limits = { decisionMs: 1, orderMs: 2, settleMs: 1 };
const terms: Terms = { retryDelaysMs: [0], settleIntervalMs: 0, refusedIntervalMs: 0, callTimeoutMs: 0 };

/** Puts a message on a topic. */
function publish(
  of: OrderWorld,
  topic: keyof OrderWorld['topics'],
  messages: readonly Message[],
): OrderWorld {
  if (messages.length === 0) return of;
  return { ...of, topics: { ...of.topics, [topic]: [...of.topics[topic], ...messages] } };
}

/** A payment of the previous version ignored OrderAccepted, unless it was requeried. */
function isForgotten(of: OrderWorld, message: Message): boolean {
  return of.isUpgraded && message === 'OrderAccepted';
}

/** Applies an input to the order. Undefined when nothing changes. */
export function appliesInput(
  of: OrderWorld,
  inputKind: SagaInputKind,
  table: typeof sagaTable,
): OrderWorld | undefined {
  const input = { orderId: of.order.orderId, kind: inputKind, cause: 'search' };
  const result = applyInput(of.order, input, limits, table);
  if (!isTransition(result)) return undefined;
  const { after, publishes, nextDeadline, kind } = result;
  const isAsking = kind === 'requeried';
  const isUnpaid = isAsking && of.order.sagaState === 'RESERVED';
  const last = of.topics.orderEvents.at(-1)?.replace(again, '');
  const repeats = [
    ...(isUnpaid ? [`OrderAccepted${again}`] : []),
    ...(isAsking && last !== undefined ? [`${last}${again}`] : []),
  ];
  const isWatched = nextDeadline === 'keep' ? of.isWatched : nextDeadline !== 'none';
  return publish({ ...of, order: after, isWatched }, 'orderEvents', [...publishes, ...repeats]);
}

const customerId = 'c-1';
const currency = 'USD';
const payable = { customerId, amount: total, currency, lines: 'one piece' };
const replies = {
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
        payable: { customerId, total, currency },
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
  InventoryReserved: [{ kind: 'reserved', payable, record: 'read' }],
  OrderAccepted: [{ kind: 'accepted', payable }],
  OrderReserved: [],
  OrderConfirmed: [],
  OrderCancelRequested: [{ kind: 'cancel_requested' }],
  OrderCompleted: [{ kind: 'completed' }],
};

function inputsOf(message: Message): readonly Input[] {
  const inputs = paymentInputs[message.replace(again, '')];
  if (inputs === undefined) return [];
  return message.endsWith(again) ? [...inputs, { kind: 'requeried' }] : inputs;
}

const forged = 'forged';

/** Another process than inventory claims that stock is reserved, with another amount. */
export function forges(of: OrderWorld): OrderWorld {
  const next = pays(of, { kind: 'reserved', payable: { ...payable, amount: 1n }, record: forged });
  // It is dead-lettered. What existed does not change.
  return { ...next, contradiction: of.contradiction, isDelayed: true };
}

/** Whether a message does not concern a reader. */
export function isSkipped(reader: Reader, message: Message): boolean {
  if (reader.startsWith('inventory')) return stockEvent('', message) === undefined;
  return reader.startsWith('payment') && inputsOf(message).length === 0;
}

/** Applies an input to the payment of the order. */
export function pays(of: OrderWorld, input: Input): OrderWorld {
  const known = of.payment ?? of.waiting;
  const decision = decidePayment(known, input, of.order.orderId, now, terms);
  if (decision.refused !== undefined && decision.refused.record !== forged) {
    return { ...of, contradiction: 'payment refuses a genuine reservation' };
  }
  const isWaiting = decision.next?.state === 'WAITING';
  const next: OrderWorld = {
    ...of,
    payment: isWaiting ? undefined : decision.next,
    waiting: isWaiting ? decision.next : undefined,
    calls:
      decision.call === undefined
        ? of.calls
        : [...of.calls, { call: decision.call, isAwaited: true, reply: undefined }],
    contradiction: decision.contradiction ?? of.contradiction,
  };
  return decision.reply === undefined ? next : publish(next, 'paymentEvents', [decision.reply]);
}

/** A reader handles a message; its offset does not move. Undefined where nothing changes. */
export function takes(
  of: OrderWorld,
  stock: ReadonlyMap<string, Stock>,
  reader: Reader,
  message: Message,
  table: typeof sagaTable,
): { readonly of: OrderWorld; readonly stock: ReadonlyMap<string, Stock> } {
  if (reader.startsWith('order'))
    return { of: appliesInput(of, message as SagaInputKind, table) ?? of, stock };
  if (reader.startsWith('payment')) {
    return { of: isForgotten(of, message) ? of : inputsOf(message).reduce(pays, of), stock };
  }

  const event = stockEvent(of.order.orderId, message);
  if (event === undefined) return { of, stock };
  const decision = decideStock(of.reservation, stock, event, now);
  if (decision.kind === 'duplicate') return { of, stock };
  if (decision.kind === 'contradiction')
    return { of: { ...of, contradiction: `inventory: ${decision.detail}` }, stock };
  const { reservation } = decision;
  const changed = decision.kind === 'applied' ? decision.stock : [];
  return {
    of: publish({ ...of, reservation }, 'inventoryEvents', [replies[reservation.state]]),
    stock: new Map([...stock, ...changed.map((level) => [level.productId, level] as const)]),
  };
}

/** The possible results of a call that arrives at the gateway, one for each response. */
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
      const unrefunded = Object.keys(charges).find((charge) => charges[charge] === 'approved');
      return [
        {
          reply: 'refunded',
          charges: unrefunded === undefined ? charges : { ...charges, [unrefunded]: 'refunded' },
        },
      ];
    }
  }
}
