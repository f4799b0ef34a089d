/** The state of an order. `orderflow.order.v1.Order.State` has the same names. */
export type OrderState =
  | 'PENDING'
  | 'REJECTED'
  | 'ACCEPTED'
  | 'RESERVED'
  | 'CONFIRMED'
  | 'COMPLETED'
  | 'CANCELLING'
  | 'CANCELLED';

/** A state and its marks, as in the order's row. */
export interface StateMarks {
  readonly state: OrderState;
  /** No stock is held for it any more. */
  readonly stockReleased: boolean;
  /** No charge is kept for it, and none ever will be. */
  readonly moneyUndone: boolean;
  /** The whole amount was refunded after completion. */
  readonly refunded: boolean;
}

const unmarked = { stockReleased: false, moneyUndone: false, refunded: false };

/** Every valid combination, by name. CANCELLED without marks: no participant has ever received the order. */
export const sagaStates = {
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
} as const satisfies Record<string, StateMarks>;

/** The name of a state with its marks. */
export type SagaState = keyof typeof sagaStates;

/** The name of a state with its marks. Throws when the combination is not valid. */
export function sagaStateOf(marks: StateMarks): SagaState {
  const found = Object.entries(sagaStates).find(
    ([, state]) =>
      state.state === marks.state &&
      state.stockReleased === marks.stockReleased &&
      state.moneyUndone === marks.moneyUndone &&
      state.refunded === marks.refunded,
  );
  if (found === undefined) throw new Error(`no order can be in ${JSON.stringify(marks)}`);
  return found[0] as SagaState;
}

/** Every input of the saga, with its meaning. */
export const sagaInputs = {
  Accept: 'the worker accepts the order',
  Reject: 'the worker rejects the order',
  EnrichmentInvalid:
    'the worker cannot decide the order: the enrichment API returns invalid responses about it',
  InventoryReserved: 'inventory has reserved every line',
  InventoryUnavailable: 'inventory has reserved nothing: at least one line is short',
  InventoryReleased: 'inventory holds nothing for the order, and never will again',
  InventoryCommitted: 'the reserved stock has left the warehouse',
  PaymentProcessed: 'the total was charged',
  PaymentFailed: 'nothing was charged, and nothing will be',
  PaymentVoided: 'after a cancellation: nothing was charged, and nothing will be',
  PaymentRefunded: 'the whole charge was refunded',
  Cancel: 'a caller uses CancelOrder',
  DecisionDeadline: 'the order has waited for its decision for PENDING_DEADLINE',
  RequeryDeadline: 'half of ORDER_DEADLINE, or the whole of SETTLE_DEADLINE, has passed without a reply',
  EndDeadline: 'the other half, or SETTLE_DEADLINE again, has passed since the requery',
  ParticipantBehind:
    'the end deadline has been postponed for SETTLE_DEADLINE: inventory or payment has not read the event it has to reply to',
  Retry: 'a caller uses RetryOrder for an order that needs attention',
} as const;

/** The name of an input: one of `sagaInputs`. */
export type SagaInputKind = keyof typeof sagaInputs;

/** The inputs that are replies of participants. */
export type Reply = Extract<SagaInputKind, `Inventory${string}` | `Payment${string}`>;

/** The events of an order. */
export type OrderEventName =
  | 'OrderAccepted'
  | 'OrderRejected'
  | 'OrderReserved'
  | 'OrderConfirmed'
  | 'OrderCompleted'
  | 'OrderCancelRequested'
  | 'OrderCancelled'
  | 'OrderRefunded';

/** Why an order is cancelled; the first reason remains. */
export type CancelReason = 'PAYMENT_FAILED' | 'OUT_OF_STOCK' | 'CLIENT_REQUEST' | 'DEADLINE';

/** The reason of each input that cancels an order. */
export const cancelReasons: Partial<Record<SagaInputKind, CancelReason>> = {
  InventoryUnavailable: 'OUT_OF_STOCK',
  PaymentFailed: 'PAYMENT_FAILED',
  Cancel: 'CLIENT_REQUEST',
  EndDeadline: 'DEADLINE',
};

/** The attention of an order whose participants are behind: its end deadline is postponed until they have caught up. */
export const participantBehind = 'PARTICIPANT_BEHIND';

/** What an input does to an order in a state. */
export type Rule =
  /** The order changes state, and these events publish it. An event implies its causes: they are published first. */
  | { readonly kind: 'apply'; readonly to: SagaState; readonly publishes: readonly OrderEventName[] }
  /** The order's last event is republished, for participants that have not replied to it. */
  | { readonly kind: 'requery' }
  /** The submission is resent to the worker. */
  | { readonly kind: 'resubmit' }
  /** The order needs attention. */
  | {
      readonly kind: 'attention';
      readonly cause: 'UNDECIDED' | 'STUCK_IN_CONFIRMED' | 'STUCK_IN_CANCELLING' | typeof participantBehind;
    }
  /** It cannot be decided now: it needs attention for this cause, whatever it needed attention for before. */
  | { readonly kind: 'undecidable'; readonly cause: 'ENRICHMENT_INVALID' }
  /** It was done before, or is too late to matter. */
  | { readonly kind: 'done' }
  /** The request is refused. */
  | { readonly kind: 'refuse' }
  /** It contradicts the state of the order, which needs review. */
  | { readonly kind: 'needs_review' };

const done: Rule = { kind: 'done' };
const needsReview: Rule = { kind: 'needs_review' };
const refuse: Rule = { kind: 'refuse' };
const requery: Rule = { kind: 'requery' };
const apply = (to: SagaState, ...publishes: OrderEventName[]): Rule => ({ kind: 'apply', to, publishes });

/** A decision is final. */
const decided = { Accept: done, Reject: done, EnrichmentInvalid: done };

/** No participant has received the order. */
const beforeAnyParticipant = {
  InventoryReserved: needsReview,
  InventoryUnavailable: needsReview,
  InventoryReleased: needsReview,
  InventoryCommitted: needsReview,
  PaymentProcessed: needsReview,
  PaymentFailed: needsReview,
  PaymentVoided: needsReview,
  PaymentRefunded: needsReview,
};

/** No participant was asked to undo anything. */
const withoutCompensation = {
  InventoryReleased: needsReview,
  PaymentVoided: needsReview,
  PaymentRefunded: needsReview,
};

/** Replies sent before the cancellation arrived. The participant that sent them undoes its part. */
const lateReplies = {
  InventoryReserved: done,
  InventoryUnavailable: done,
  InventoryCommitted: needsReview,
  PaymentProcessed: done,
  PaymentFailed: done,
};

/** Nothing is awaited. */
const ended = {
  DecisionDeadline: done,
  RequeryDeadline: done,
  EndDeadline: done,
  ParticipantBehind: done,
  Retry: requery,
};

const postponed: Rule = { kind: 'attention', cause: participantBehind };

const confirmed = {
  ...decided,
  ...withoutCompensation,
  InventoryReserved: done,
  InventoryUnavailable: needsReview,
  PaymentProcessed: done,
  PaymentFailed: needsReview,
  Cancel: refuse,
};

const completed = { ...confirmed, ...ended, InventoryCommitted: done };

const cancelling = {
  ...decided,
  ...lateReplies,
  Cancel: done,
  DecisionDeadline: done,
  RequeryDeadline: requery,
  EndDeadline: { kind: 'attention', cause: 'STUCK_IN_CANCELLING' },
  ParticipantBehind: done,
  Retry: requery,
} as const;

/** The whole saga: what each input does to an order in each state. docs/order-states.md shows it. */
export const sagaTable: Readonly<Record<SagaState, Readonly<Record<SagaInputKind, Rule>>>> = {
  PENDING: {
    ...beforeAnyParticipant,
    Accept: apply('ACCEPTED', 'OrderAccepted'),
    Reject: apply('REJECTED', 'OrderRejected'),
    EnrichmentInvalid: { kind: 'undecidable', cause: 'ENRICHMENT_INVALID' },
    Cancel: apply('CANCELLED, undecided', 'OrderCancelled'),
    DecisionDeadline: { kind: 'attention', cause: 'UNDECIDED' },
    RequeryDeadline: done,
    EndDeadline: done,
    ParticipantBehind: done,
    Retry: { kind: 'resubmit' },
  },
  REJECTED: { ...beforeAnyParticipant, ...decided, ...ended, Cancel: refuse },
  ACCEPTED: {
    ...decided,
    ...withoutCompensation,
    InventoryReserved: apply('RESERVED', 'OrderReserved'),
    InventoryUnavailable: apply('CANCELLING', 'OrderCancelRequested'),
    InventoryCommitted: needsReview,
    PaymentProcessed: apply('CONFIRMED', 'OrderReserved', 'OrderConfirmed'),
    PaymentFailed: apply('CANCELLING', 'OrderReserved', 'OrderCancelRequested'),
    Cancel: apply('CANCELLING', 'OrderCancelRequested'),
    DecisionDeadline: done,
    RequeryDeadline: requery,
    EndDeadline: apply('CANCELLING', 'OrderCancelRequested'),
    ParticipantBehind: postponed,
    Retry: requery,
  },
  RESERVED: {
    ...decided,
    ...withoutCompensation,
    InventoryReserved: done,
    InventoryUnavailable: needsReview,
    InventoryCommitted: needsReview,
    PaymentProcessed: apply('CONFIRMED', 'OrderConfirmed'),
    PaymentFailed: apply('CANCELLING', 'OrderCancelRequested'),
    Cancel: apply('CANCELLING', 'OrderCancelRequested'),
    DecisionDeadline: done,
    RequeryDeadline: requery,
    EndDeadline: apply('CANCELLING', 'OrderCancelRequested'),
    ParticipantBehind: postponed,
    Retry: requery,
  },
  CONFIRMED: {
    ...confirmed,
    InventoryCommitted: apply('COMPLETED', 'OrderCompleted'),
    DecisionDeadline: done,
    RequeryDeadline: requery,
    EndDeadline: { kind: 'attention', cause: 'STUCK_IN_CONFIRMED' },
    ParticipantBehind: done,
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
    ...lateReplies,
    ...ended,
    InventoryReleased: done,
    PaymentVoided: done,
    PaymentRefunded: done,
    Cancel: done,
  },
  'CANCELLED, undecided': { ...beforeAnyParticipant, ...decided, ...ended, Cancel: done },
};
