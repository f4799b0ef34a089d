import {
  type CancelReason,
  cancelReasons,
  type OrderEventName,
  participantBehind,
  type Rule,
  type SagaInputKind,
  type SagaState,
  sagaStates,
  sagaTable,
} from './saga.ts';

/** The state of an order that the saga works on: most of its row. */
export interface SagaOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly sagaState: SagaState;
  /** The number of its events published so far. */
  readonly version: number;
  /** The number of rows of its history. */
  readonly revision: number;
  readonly needsAttention: string | undefined;
  /** The amount to pay, in minor units of `currency`; from its acceptance on. */
  readonly total: bigint | undefined;
  readonly currency: string;
  readonly cancelReason: CancelReason | undefined;
  readonly cancelDetail: string | undefined;
  readonly transactionId: string | undefined;
  /** Whether its last event was republished since the last transition. */
  readonly requeried: boolean;
  /** Undefined where a decision is applied: it does not depend on it. */
  readonly createTime: Date | undefined;
}

/** How far an undecided order has come. */
type UndecidedProgress = Pick<SagaOrder, 'version' | 'revision' | 'needsAttention'>;

/** Returns an undecided order; by default a new one, before its first transition. */
export function undecidedOrder(
  identity: Pick<SagaOrder, 'orderId' | 'customerId' | 'currency'>,
  progress: UndecidedProgress = { version: 0, revision: 0, needsAttention: undefined },
): SagaOrder {
  return {
    ...identity,
    ...progress,
    sagaState: 'PENDING',
    total: undefined,
    cancelReason: undefined,
    cancelDetail: undefined,
    transactionId: undefined,
    requeried: false,
    createTime: undefined,
  };
}

/** An input of the saga for one order, as it is recorded in the order's history. */
export interface SagaInput {
  readonly orderId: string;
  readonly kind: SagaInputKind;
  /** An event's id and position, an RPC and its caller, or a deadline. */
  readonly cause: string;
  /** Further information for people: what was short, why a payment was declined, the caller's reason. */
  readonly detail?: string | undefined;
  /** The amount to pay from now on, in minor units: of an acceptance. */
  readonly total?: bigint | undefined;
  /** The gateway's id of the charge. */
  readonly transactionId?: string | undefined;
  readonly charged?: Charged | undefined;
  readonly traceparent?: string | undefined;
}

/** The amount that a customer has paid, in minor units. */
export interface Charged {
  readonly amount: bigint;
  readonly currency: string;
}

/** The next deadline of an order: none, the present one, or so many milliseconds from now. */
export type NextDeadline = 'none' | 'keep' | { readonly afterMs: number };

/** A change caused by an input: one row of the order's history. */
export interface Transition {
  readonly input: SagaInput;
  readonly kind: 'applied' | 'requeried' | 'resubmitted' | 'attention';
  readonly before: SagaOrder;
  readonly after: SagaOrder;
  /** The events that publish it; the last of them has the version of `after`. */
  readonly publishes: readonly OrderEventName[];
  readonly nextDeadline: NextDeadline;
  readonly detail: string | undefined;
}

/** The deadlines of orders, in milliseconds. */
export interface Limits {
  readonly decisionMs: number;
  /** From the decision to the payment; requeried at half of it. */
  readonly orderMs: number;
  /**
   * From the payment, or the cancellation, to the end; requeried after it, needs attention after it has passed again.
   */
  readonly settleMs: number;
}

/** The result of an input: a transition, or none and why. */
export type TransitionResult = Transition | { readonly kind: 'done' | 'refused'; readonly before: SagaOrder };

/** Whether a result is a transition. */
export function isTransition(result: TransitionResult | undefined): result is Transition {
  return result !== undefined && 'after' in result;
}

/**
 * Applies an input to an order by the table. `table`: another one, for tests that show what a mistake in it would do.
 */
export function applyInput(
  order: SagaOrder,
  input: SagaInput,
  limits: Limits,
  table: typeof sagaTable = sagaTable,
): TransitionResult {
  const { kind, charged } = input;
  if (charged !== undefined && !isTotal(charged, order)) {
    const { total, currency } = order;
    const expected = total === undefined ? 'not known' : `${total} of ${currency}`;
    const actual = `${charged.amount} minor units of ${charged.currency || 'no currency'}`;
    return needsReview(order, input, `${actual} were charged, the total is ${expected}`);
  }
  const rule = table[order.sagaState][kind];
  switch (rule.kind) {
    case 'done':
      return { kind: 'done', before: order };
    case 'refuse':
      return { kind: 'refused', before: order };
    case 'needs_review':
      return needsReview(order, input, `${kind} cannot happen in ${order.sagaState}`);
    case 'attention':
      return {
        ...transitionOf(order, input, { needsAttention: order.needsAttention ?? rule.cause }),
        kind: 'attention',
        // A postponed deadline continues without a retry once the participants have caught up.
        nextDeadline: rule.cause === participantBehind ? 'keep' : 'none',
        detail: `needs attention: ${rule.cause}${input.detail === undefined ? '' : `, ${input.detail}`}`,
      };
    case 'undecidable':
      return {
        ...transitionOf(order, input, { needsAttention: rule.cause }),
        kind: 'attention',
        nextDeadline: 'none',
      };
    case 'resubmit':
      return {
        ...transitionOf(order, input, { needsAttention: undefined }),
        kind: 'resubmitted',
        nextDeadline: deadlineAfter(order.sagaState, limits),
        detail: 'the submission is resent',
      };
    case 'requery':
      return requery(order, input, limits);
    case 'apply':
      return apply(order, input, rule, limits);
  }
}

function isTotal({ amount, currency }: Charged, order: SagaOrder): boolean {
  return amount === order.total && currency === order.currency;
}

const contradictory = 'CONTRADICTORY_EVENT';

/** The order's state does not change. If the order needs review already, nothing changes. */
function needsReview(order: SagaOrder, input: SagaInput, why: string): TransitionResult {
  if (order.needsAttention === contradictory) return { kind: 'done', before: order };
  return {
    ...transitionOf(order, input, { needsAttention: contradictory }),
    kind: 'attention',
    nextDeadline: 'keep',
    detail: `needs attention: ${why}`,
  };
}

function requery(order: SagaOrder, input: SagaInput, limits: Limits): Transition {
  return {
    ...transitionOf(order, input, {
      requeried: true,
      needsAttention: input.kind === 'Retry' ? undefined : order.needsAttention,
    }),
    kind: 'requeried',
    nextDeadline: deadlineAfterRequery(order.sagaState, limits),
    detail: `the last event is republished${input.detail === undefined ? '' : `: ${input.detail}`}`,
  };
}

function apply(
  order: SagaOrder,
  input: SagaInput,
  rule: Extract<Rule, { kind: 'apply' }>,
  limits: Limits,
): Transition {
  // The time limit counts from the decision: a reservation does not restart it.
  const isReserved = rule.to === 'RESERVED';
  const isCancelled = order.cancelReason === undefined && sagaStates[rule.to].state.startsWith('CANCEL');
  return {
    ...transitionOf(order, input, {
      sagaState: rule.to,
      version: order.version + rule.publishes.length,
      needsAttention: remainingAttention(order.needsAttention),
      total: input.total ?? order.total,
      requeried: isReserved && order.requeried,
      transactionId: input.transactionId ?? order.transactionId,
      ...(isCancelled && {
        cancelReason: cancelReasons[input.kind],
        cancelDetail: input.detail,
      }),
    }),
    kind: 'applied',
    publishes: rule.publishes,
    nextDeadline: isReserved ? 'keep' : deadlineAfter(rule.to, limits),
  };
}

/** The attention that remains after a transition: a contradiction remains until an operator has reviewed it. */
function remainingAttention(needsAttention: string | undefined): string | undefined {
  return needsAttention === contradictory ? contradictory : undefined;
}

function transitionOf(
  before: SagaOrder,
  input: SagaInput,
  change: Partial<SagaOrder>,
): Omit<Transition, 'kind' | 'nextDeadline'> {
  const after = { ...before, ...change, revision: before.revision + 1 };
  return { input, before, after, publishes: [], detail: input.detail };
}

/** The deadline of an order that has entered a state, or begins to wait in it again. */
function deadlineAfter(sagaState: SagaState, { decisionMs, orderMs, settleMs }: Limits): NextDeadline {
  const { state } = sagaStates[sagaState];
  if (state === 'PENDING') return { afterMs: decisionMs };
  if (state === 'ACCEPTED') return { afterMs: orderMs / 2 };
  return state === 'CONFIRMED' || state === 'CANCELLING' ? { afterMs: settleMs } : 'none';
}

/** The full time to reply after a requery, also when the requery itself was late. */
function deadlineAfterRequery(sagaState: SagaState, limits: Limits): NextDeadline {
  return sagaState === 'RESERVED' ? { afterMs: limits.orderMs / 2 } : deadlineAfter(sagaState, limits);
}

/**
 * Applies inputs one after the other, each to the order that the one before has left.
 * Returns the result of each, undefined where the order is unknown.
 */
export function applyInputs(
  orders: ReadonlyMap<string, SagaOrder>,
  inputs: readonly SagaInput[],
  limits: Limits,
): (TransitionResult | undefined)[] {
  const current = new Map(orders);
  return inputs.map((input) => {
    const order = current.get(input.orderId);
    if (order === undefined) return undefined;
    const result = applyInput(order, input, limits);
    if (isTransition(result)) current.set(order.orderId, result.after);
    return result;
  });
}
