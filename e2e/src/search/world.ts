import type { Reservation } from '@orderflow/inventory/domain/reservation';
import type { Stock } from '@orderflow/inventory/domain/stock';
import type { sagaTable } from '@orderflow/order/domain/saga';
import type { SagaOrder } from '@orderflow/order/domain/transition';
import type { Call } from '@orderflow/payment/domain/input';
import type { Waiting } from '@orderflow/payment/domain/payable';
import type { Payment } from '@orderflow/payment/domain/payment';

/** Who reads a topic, and which. */
export const readers = {
  'inventory, order-events': 'orderEvents',
  'payment, order-events': 'orderEvents',
  'payment, inventory-events': 'inventoryEvents',
  'order, inventory-events': 'inventoryEvents',
  'order, payment-events': 'paymentEvents',
} as const;

/** A reader of one topic. */
export type Reader = keyof typeof readers;

/** A topic that the parts of an order speak on. */
export type Topic = (typeof readers)[Reader];

/** An event by its name; an order's last event that is republished ends in `again`. */
export type Message = string;
export const again = ' again';

/** A call to the gateway that was written down and is not over. */
export interface FlyingCall {
  readonly call: Call;
  /** Whether its caller still waits for the reply. */
  readonly isAwaited: boolean;
  /** What the gateway made of it, once it has arrived there. */
  readonly reply: 'approved' | 'declined' | 'temporarily_declined' | 'voided' | 'refunded' | undefined;
}

/** What the gateway has under a key. */
export type Charge = 'approved' | 'declined' | 'temporarily_declined' | 'voided' | 'refunded';

/** An order with all that every part knows of it, and its records on the topics. */
export interface OrderWorld {
  readonly order: SagaOrder;
  /** A deadline has been set. */
  readonly isWatched: boolean;
  readonly topics: Readonly<Record<Topic, readonly Message[]>>;
  /** How many records of its topic each reader has committed. */
  readonly offsets: Readonly<Record<Reader, number>>;
  readonly reservation: Reservation | undefined;
  readonly payment: Payment | undefined;
  /** Of the two events that a charge needs only one has come. */
  readonly waiting: Waiting | undefined;
  /** OrderAccepted was read by a payment that kept nothing of it. */
  readonly isUpgraded: boolean;
  /** It may need a requery to continue, so its deadlines are no faults: they fire as often as they may. */
  readonly isDelayed: boolean;
  readonly calls: readonly FlyingCall[];
  readonly charges: Readonly<Record<string, Charge>>;
  /** What a participant found that cannot be by its rules. */
  readonly contradiction: string | undefined;
}

/** How often things may still happen that need not happen. */
export interface Budget {
  /** Records that come twice, or early. */
  readonly repeats: number;
  readonly cancels: number;
  readonly deadlines: number;
  /** Processes that die or freeze around a call, calls that never arrive or whose reply is lost, "not now". */
  readonly faults: number;
  /** Refunds that an administrator asks for. */
  readonly refunds: number;
  /** Forged reservations. */
  readonly forgeries: number;
}

/** Everything. */
export interface World {
  readonly orders: readonly OrderWorld[];
  readonly stock: ReadonlyMap<string, Stock>;
  readonly budget: Budget;
  /** A record has come before its time: then contradictions are to be expected. */
  readonly isShuffled: boolean;
}

/** What the worlds of one search have in common. */
export interface Setting {
  /** How many pieces of the one product there are; every order wants one. */
  readonly pieces: number;
  readonly orders: number;
  readonly budget: Budget;
  /** The orders are accepted while payment is of the version before, and continue with this one. */
  readonly isUpgraded?: boolean;
  /** The service's own unless a test breaks it on purpose. */
  readonly table: typeof sagaTable;
}

export const product = 'p-1';
export const total = 100n;
/** Time does not matter here: whatever may be due is due. */
export const now = new Date(0);

/** The orders have just arrived and are undecided. */
export function firstWorld({ pieces, orders, budget, isUpgraded = false }: Setting): World {
  return {
    orders: Array.from({ length: orders }, (_, index) => newOrder(`o-${index + 1}`, isUpgraded)),
    stock: new Map([
      [product, { productId: product, onHand: BigInt(pieces), reserved: 0n, committed: 0n, updateTime: now }],
    ]),
    budget,
    isShuffled: false,
  };
}

function newOrder(orderId: string, isUpgraded: boolean): OrderWorld {
  return {
    order: {
      orderId,
      customerId: 'c-1',
      sagaState: 'PENDING',
      version: 0,
      revision: 0,
      needsAttention: undefined,
      total,
      currency: 'USD',
      cancelReason: undefined,
      cancelDetail: undefined,
      transactionId: undefined,
      requeried: false,
      createTime: now,
    },
    isWatched: true,
    topics: { orderEvents: [], inventoryEvents: [], paymentEvents: [] },
    offsets: {
      'inventory, order-events': 0,
      'payment, order-events': 0,
      'payment, inventory-events': 0,
      'order, inventory-events': 0,
      'order, payment-events': 0,
    },
    reservation: undefined,
    payment: undefined,
    waiting: undefined,
    isUpgraded,
    isDelayed: isUpgraded,
    calls: [],
    charges: {},
    contradiction: undefined,
  };
}

/**
 * Equal for worlds with the same future: pure counters, and the order of events that every reader has read, are left
 * out; and orders are interchangeable.
 */
export function keyOf(world: World): string {
  const { budget } = world;
  const orders = world.orders.map((each) => orderKey(each, budget.repeats > 0)).sort();
  const stock = [...world.stock.values()].map(({ onHand, reserved }) => `${onHand}/${reserved}`);
  return [...orders, stock, Object.values(budget), world.isShuffled].join('\n');
}

const orderKeys = [new WeakMap<OrderWorld, string>(), new WeakMap<OrderWorld, string>()] as const;

function orderKey(of: OrderWorld, mayRepeat: boolean): string {
  const known = orderKeys[mayRepeat ? 1 : 0];
  const found = known.get(of);
  if (found !== undefined) return found;
  const { order, reservation, payment, waiting } = of;
  const key = JSON.stringify([
    [order.sagaState, order.requeried, order.needsAttention, of.isWatched, of.contradiction],
    Object.entries(readers).map(([reader, topic]) => of.topics[topic].slice(of.offsets[reader as Reader])),
    mayRepeat && Object.values(of.topics).map((messages) => [...new Set(messages)].sort()),
    reservation?.state,
    of.isDelayed,
    waiting && [waiting.heard, waiting.payable.amount === total, waiting.record],
    payment && [
      payment.state,
      payment.cancelRequested,
      payment.completed,
      payment.keyNumber,
      payment.tries,
      payment.unknown,
      payment.failReason,
      payment.nextAttemptTime !== undefined,
      payment.customerId,
      payment.amount === total,
      payment.refund?.reason,
    ],
    // Calls differ by whether they are the latest.
    of.calls
      .map(({ call, isAwaited, reply }) =>
        [call.kind, call.key, isAwaited, reply, call.number === payment?.attempts].join(' '),
      )
      .sort(),
    Object.entries(of.charges).sort(),
  ]).replaceAll(order.orderId, 'o');
  known.set(of, key);
  return key;
}
