/** How far an order is. `orderflow.order.v1.Order.State` has the same names. */
export type OrderState =
  | 'PENDING'
  | 'REJECTED'
  | 'ACCEPTED'
  | 'RESERVED'
  | 'CONFIRMED'
  | 'COMPLETED'
  | 'CANCELLING'
  | 'CANCELLED';

/** A state and its marks, as the order's row has them. */
export interface Standing {
  readonly state: OrderState;
  /** No stock is held for it any more. */
  readonly stockReleased: boolean;
  /** No money is kept for it, or ever will be. */
  readonly moneyUndone: boolean;
  /** The whole amount was given back after completion. */
  readonly refunded: boolean;
}

const unmarked = { stockReleased: false, moneyUndone: false, refunded: false };

/** Every standing an order can have, by name. CANCELLED without marks: no participant has ever heard of the order. */
export const places = {
  PENDING: { state: 'PENDING', ...unmarked },
  REJECTED: { state: 'REJECTED', ...unmarked },
  ACCEPTED: { state: 'ACCEPTED', ...unmarked },
  RESERVED: { state: 'RESERVED', ...unmarked },
  CONFIRMED: { state: 'CONFIRMED', ...unmarked },
  COMPLETED: { state: 'COMPLETED', ...unmarked },
  'COMPLETED, refunded': { state: 'COMPLETED', ...unmarked, refunded: true },
  CANCELLING: { state: 'CANCELLING', ...unmarked },
  'CANCELLING, stock released': { state: 'CANCELLING', ...unmarked, stockReleased: true },
  'CANCELLING, money undone': { state: 'CANCELLING', ...unmarked, moneyUndone: true },
  CANCELLED: { state: 'CANCELLED', ...unmarked, stockReleased: true, moneyUndone: true },
  'CANCELLED, undecided': { state: 'CANCELLED', ...unmarked },
} as const satisfies Record<string, Standing>;

/** The name of a state with its marks. */
export type Place = keyof typeof places;

/** The place of a standing. Throws when there is no such combination. */
export function placeOf(standing: Standing): Place {
  const found = Object.entries(places).find(
    ([, place]) =>
      place.state === standing.state &&
      place.stockReleased === standing.stockReleased &&
      place.moneyUndone === standing.moneyUndone &&
      place.refunded === standing.refunded,
  );
  if (found === undefined) throw new Error(`no order can be ${JSON.stringify(standing)}`);
  return found[0] as Place;
}

/** Everything that can happen to an order, with what it means. */
export const happenings = {
  Accept: 'the worker finds nothing wrong with it',
  Reject: 'the worker finds something wrong with it',
  InventoryReserved: 'inventory holds every line',
  InventoryUnavailable: 'inventory holds nothing: at least one line is short',
  InventoryReleased: 'inventory holds nothing any more, or ever will',
  InventoryCommitted: 'the stock has left the shelf',
  PaymentProcessed: 'the total was charged',
  PaymentFailed: 'nothing was charged, and nothing will be',
  PaymentVoided: 'asked to undo: nothing was charged, and nothing will be',
  PaymentRefunded: 'the whole charge was given back',
  Cancel: 'somebody calls CancelOrder',
  DecisionDeadline: 'it has waited for its decision for PENDING_DEADLINE',
  RequeryDeadline: 'half of ORDER_DEADLINE, or the whole of SETTLE_DEADLINE, has passed without an answer',
  EndDeadline: 'the other half, or SETTLE_DEADLINE once more, has passed since the re-query',
  Retry: 'somebody calls RetryOrder for an order that needs attention',
} as const;

/** What happens to an order: one of `happenings`. */
export type Happening = keyof typeof happenings;

/** What participants say. */
export type Answer = Extract<Happening, `Inventory${string}` | `Payment${string}`>;

/** The events that tell of an order. */
export type OrderEventName =
  | 'OrderAccepted'
  | 'OrderRejected'
  | 'OrderReserved'
  | 'OrderConfirmed'
  | 'OrderCompleted'
  | 'OrderCancelRequested'
  | 'OrderCancelled'
  | 'OrderRefunded';

/** Why an order is cancelled; the first reason stays. */
export type CancelReason = 'PAYMENT_FAILED' | 'OUT_OF_STOCK' | 'CLIENT_REQUEST' | 'DEADLINE';

/** The reason that a cancelling happening gives. */
export const cancelReasons: Partial<Record<Happening, CancelReason>> = {
  InventoryUnavailable: 'OUT_OF_STOCK',
  PaymentFailed: 'PAYMENT_FAILED',
  Cancel: 'CLIENT_REQUEST',
  EndDeadline: 'DEADLINE',
};

/** What a happening does to an order that is somewhere. */
export type Cell =
  /** The order goes on, and these events tell it. An event implies its causes: they are told first. */
  | { readonly kind: 'apply'; readonly to: Place; readonly tells: readonly OrderEventName[] }
  /** The order's last event is told once more, for those who have not answered it. */
  | { readonly kind: 'requery' }
  /** What was submitted is sent to the worker once more. */
  | { readonly kind: 'resubmit' }
  /** A person has to look at it. */
  | { readonly kind: 'attention'; readonly cause: 'UNDECIDED' | 'STUCK_IN_CONFIRMED' | 'STUCK_IN_CANCELLING' }
  /** It was done before, or is too late to matter. */
  | { readonly kind: 'done' }
  /** Whoever asks for it is told that it cannot be. */
  | { readonly kind: 'refuse' }
  /** It cannot be true together with what is known: a person has to look at it. */
  | { readonly kind: 'alarm' };

const done: Cell = { kind: 'done' };
const alarm: Cell = { kind: 'alarm' };
const refuse: Cell = { kind: 'refuse' };
const requery: Cell = { kind: 'requery' };
const apply = (to: Place, ...tells: OrderEventName[]): Cell => ({ kind: 'apply', to, tells });

/** The decision stands: it is taken once. */
const decided = { Accept: done, Reject: done };

/** No participant has heard of the order. */
const unheardOf = {
  InventoryReserved: alarm,
  InventoryUnavailable: alarm,
  InventoryReleased: alarm,
  InventoryCommitted: alarm,
  PaymentProcessed: alarm,
  PaymentFailed: alarm,
  PaymentVoided: alarm,
  PaymentRefunded: alarm,
};

/** Nobody was asked to undo anything. */
const notUndone = { InventoryReleased: alarm, PaymentVoided: alarm, PaymentRefunded: alarm };

/** Answers that were on their way when the undoing began. They are undone by whoever gave them. */
const tooLate = {
  InventoryReserved: done,
  InventoryUnavailable: done,
  InventoryCommitted: alarm,
  PaymentProcessed: done,
  PaymentFailed: done,
};

/** Nothing is awaited. */
const ended = { DecisionDeadline: done, RequeryDeadline: done, EndDeadline: done, Retry: requery };

const confirmed = {
  ...decided,
  ...notUndone,
  InventoryReserved: done,
  InventoryUnavailable: alarm,
  PaymentProcessed: done,
  PaymentFailed: alarm,
  Cancel: refuse,
};

const completed = { ...confirmed, ...ended, InventoryCommitted: done };

const cancelling = {
  ...decided,
  ...tooLate,
  Cancel: done,
  DecisionDeadline: done,
  RequeryDeadline: requery,
  EndDeadline: { kind: 'attention', cause: 'STUCK_IN_CANCELLING' },
  Retry: requery,
} as const;

/** The whole saga: what each happening does to an order in each place. docs/order-states.md shows it. */
export const sagaTable: Readonly<Record<Place, Readonly<Record<Happening, Cell>>>> = {
  PENDING: {
    ...unheardOf,
    Accept: apply('ACCEPTED', 'OrderAccepted'),
    Reject: apply('REJECTED', 'OrderRejected'),
    Cancel: apply('CANCELLED, undecided', 'OrderCancelled'),
    DecisionDeadline: { kind: 'attention', cause: 'UNDECIDED' },
    RequeryDeadline: done,
    EndDeadline: done,
    Retry: { kind: 'resubmit' },
  },
  REJECTED: { ...unheardOf, ...decided, ...ended, Cancel: refuse },
  ACCEPTED: {
    ...decided,
    ...notUndone,
    InventoryReserved: apply('RESERVED', 'OrderReserved'),
    InventoryUnavailable: apply('CANCELLING', 'OrderCancelRequested'),
    InventoryCommitted: alarm,
    PaymentProcessed: apply('CONFIRMED', 'OrderReserved', 'OrderConfirmed'),
    PaymentFailed: apply('CANCELLING', 'OrderReserved', 'OrderCancelRequested'),
    Cancel: apply('CANCELLING', 'OrderCancelRequested'),
    DecisionDeadline: done,
    RequeryDeadline: requery,
    EndDeadline: apply('CANCELLING', 'OrderCancelRequested'),
    Retry: requery,
  },
  RESERVED: {
    ...decided,
    ...notUndone,
    InventoryReserved: done,
    InventoryUnavailable: alarm,
    InventoryCommitted: alarm,
    PaymentProcessed: apply('CONFIRMED', 'OrderConfirmed'),
    PaymentFailed: apply('CANCELLING', 'OrderCancelRequested'),
    Cancel: apply('CANCELLING', 'OrderCancelRequested'),
    DecisionDeadline: done,
    RequeryDeadline: requery,
    EndDeadline: apply('CANCELLING', 'OrderCancelRequested'),
    Retry: requery,
  },
  CONFIRMED: {
    ...confirmed,
    InventoryCommitted: apply('COMPLETED', 'OrderCompleted'),
    DecisionDeadline: done,
    RequeryDeadline: requery,
    EndDeadline: { kind: 'attention', cause: 'STUCK_IN_CONFIRMED' },
    Retry: requery,
  },
  COMPLETED: { ...completed, PaymentRefunded: apply('COMPLETED, refunded', 'OrderRefunded') },
  'COMPLETED, refunded': { ...completed, PaymentRefunded: done },
  CANCELLING: {
    ...cancelling,
    InventoryReleased: apply('CANCELLING, stock released'),
    PaymentVoided: apply('CANCELLING, money undone'),
    PaymentRefunded: apply('CANCELLING, money undone'),
  },
  'CANCELLING, stock released': {
    ...cancelling,
    InventoryReleased: done,
    PaymentVoided: apply('CANCELLED', 'OrderCancelled'),
    PaymentRefunded: apply('CANCELLED', 'OrderCancelled'),
  },
  'CANCELLING, money undone': {
    ...cancelling,
    InventoryReleased: apply('CANCELLED', 'OrderCancelled'),
    PaymentVoided: done,
    PaymentRefunded: done,
  },
  CANCELLED: {
    ...decided,
    ...tooLate,
    ...ended,
    InventoryReleased: done,
    PaymentVoided: done,
    PaymentRefunded: done,
    Cancel: done,
  },
  'CANCELLED, undecided': { ...unheardOf, ...decided, ...ended, Cancel: done },
};
