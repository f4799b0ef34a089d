import {
  type CancelReason,
  type Cell,
  cancelReasons,
  type Happening,
  type OrderEventName,
  type Place,
  places,
  sagaTable,
} from './saga.ts';

/** What the saga knows of an order: most of its row. */
export interface SagaOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly place: Place;
  /** How many of its events were told. */
  readonly version: number;
  /** How many rows its history has. */
  readonly revision: number;
  readonly needsAttention: string | undefined;
  /** What is to be paid, in minor units of `currency`; from its acceptance on. */
  readonly total: bigint | undefined;
  readonly currency: string;
  readonly cancelReason: CancelReason | undefined;
  readonly cancelDetail: string | undefined;
  readonly transactionId: string | undefined;
  /** Whether its last event was told once more since the last transition. */
  readonly requeried: boolean;
  readonly createTime: Date;
}

/** Something that happened to an order, as it is written into its history. */
export interface Occurrence {
  readonly orderId: string;
  readonly happening: Happening;
  /** An event's id and where it was read, an RPC and its caller, or a deadline. */
  readonly cause: string;
  /** What else a person wants to know: what was short, why it was declined, what the caller said. */
  readonly detail?: string | undefined;
  /** The gateway's name for the charge. */
  readonly transactionId?: string | undefined;
  readonly charged?: Charged | undefined;
  readonly traceparent?: string | undefined;
}

/** What a customer has paid, in minor units. */
export interface Charged {
  readonly amount: bigint;
  readonly currency: string;
}

/** When an order is looked at next: not at all, when it would have been anyway, or so long from now. */
export type NextLook = 'none' | 'keep' | { readonly afterMs: number };

/** What an occurrence has changed: one row of the order's history. */
export interface Step {
  readonly occurrence: Occurrence;
  readonly kind: 'applied' | 'requeried' | 'resubmitted' | 'attention';
  readonly before: SagaOrder;
  readonly after: SagaOrder;
  /** The events that tell it; the last of them has the version of `after`. */
  readonly tells: readonly OrderEventName[];
  readonly look: NextLook;
  readonly detail: string | undefined;
}

/** How long an order may wait, in milliseconds. */
export interface Limits {
  readonly decisionMs: number;
  /** From the decision to the payment; asked again at half of it. */
  readonly orderMs: number;
  /** From the payment, or the cancelling, to the end; asked again after it, given up after it once more. */
  readonly settleMs: number;
}

/** What becomes of an occurrence: a step, or nothing and why. */
export type Reaction = Step | { readonly kind: 'done' | 'refused'; readonly before: SagaOrder };

/** Whether a reaction changes the order. */
export function isStep(reaction: Reaction | undefined): reaction is Step {
  return reaction !== undefined && 'after' in reaction;
}

/** Applies the table to one order. `table`: another one, to see what a mistake in it would do. */
export function react(
  order: SagaOrder,
  occurrence: Occurrence,
  limits: Limits,
  table: typeof sagaTable = sagaTable,
): Reaction {
  const { happening, charged } = occurrence;
  if (charged !== undefined && !isTotal(charged, order)) {
    const { total, currency } = order;
    const expected = total === undefined ? 'not known' : `${total} of ${currency}`;
    const said = `${charged.amount} minor units of ${charged.currency || 'no currency'}`;
    return alarm(order, occurrence, `${said} were charged, the total is ${expected}`);
  }
  const cell = table[order.place][happening];
  switch (cell.kind) {
    case 'done':
      return { kind: 'done', before: order };
    case 'refuse':
      return { kind: 'refused', before: order };
    case 'alarm':
      return alarm(order, occurrence, `${happening} cannot be in ${order.place}`);
    case 'attention':
      return {
        ...stepOf(order, occurrence, { needsAttention: order.needsAttention ?? cell.cause }),
        kind: 'attention',
        look: 'none',
        detail: `needs attention: ${cell.cause}`,
      };
    case 'resubmit':
      return {
        ...stepOf(order, occurrence, { needsAttention: undefined }),
        kind: 'resubmitted',
        look: { afterMs: limits.decisionMs },
        detail: 'what was submitted is sent once more',
      };
    case 'requery':
      return requery(order, occurrence, limits);
    case 'apply':
      return apply(order, occurrence, cell, limits);
  }
}

function isTotal({ amount, currency }: Charged, order: SagaOrder): boolean {
  return amount === order.total && currency === order.currency;
}

const contradictory = 'CONTRADICTORY_EVENT';

/** The order stays as it is. Once somebody has been called, a repeat calls nobody. */
function alarm(order: SagaOrder, occurrence: Occurrence, why: string): Reaction {
  if (order.needsAttention === contradictory) return { kind: 'done', before: order };
  return {
    ...stepOf(order, occurrence, { needsAttention: contradictory }),
    kind: 'attention',
    look: 'keep',
    detail: `needs attention: ${why}`,
  };
}

function requery(order: SagaOrder, occurrence: Occurrence, limits: Limits): Step {
  const isRetry = occurrence.happening === 'Retry';
  return {
    ...stepOf(order, occurrence, {
      requeried: true,
      needsAttention: isRetry ? undefined : order.needsAttention,
    }),
    kind: 'requeried',
    look: lookAfterRequery(order.place, limits),
    detail: 'the last event is told once more',
  };
}

function apply(
  order: SagaOrder,
  occurrence: Occurrence,
  cell: Extract<Cell, { kind: 'apply' }>,
  limits: Limits,
): Step {
  // The limit counts from the decision: stock that was found does not start it anew.
  const isOnItsWay = cell.to === 'RESERVED';
  const isCancelled = order.cancelReason === undefined && places[cell.to].state.startsWith('CANCEL');
  return {
    ...stepOf(order, occurrence, {
      place: cell.to,
      version: order.version + cell.tells.length,
      needsAttention: attentionThatStays(order.needsAttention),
      requeried: isOnItsWay && order.requeried,
      transactionId: occurrence.transactionId ?? order.transactionId,
      ...(isCancelled && {
        cancelReason: cancelReasons[occurrence.happening],
        cancelDetail: occurrence.detail,
      }),
    }),
    kind: 'applied',
    tells: cell.tells,
    look: isOnItsWay ? 'keep' : lookAfter(cell.to, limits),
  };
}

/** An order that moves is not stuck. What contradicts itself stays so until somebody has looked at it. */
export function attentionThatStays(needsAttention: string | undefined): string | undefined {
  return needsAttention === contradictory ? contradictory : undefined;
}

function stepOf(
  before: SagaOrder,
  occurrence: Occurrence,
  change: Partial<SagaOrder>,
): Omit<Step, 'kind' | 'look'> {
  const after = { ...before, ...change, revision: before.revision + 1 };
  return { occurrence, before, after, tells: [], detail: occurrence.detail };
}

/** When an order that has just come to a place is looked at. */
function lookAfter(place: Place, { orderMs, settleMs }: Limits): NextLook {
  const { state } = places[place];
  if (state === 'ACCEPTED') return { afterMs: orderMs / 2 };
  return state === 'CONFIRMED' || state === 'CANCELLING' ? { afterMs: settleMs } : 'none';
}

/** Who was asked has as long as this to answer, also when the re-query itself was late. */
function lookAfterRequery(place: Place, limits: Limits): NextLook {
  return place === 'RESERVED' ? { afterMs: limits.orderMs / 2 } : lookAfter(place, limits);
}

/** The deadline that an order has reached when it is time to look at it. */
export function deadlineOf({ place, requeried }: Pick<SagaOrder, 'place' | 'requeried'>): Happening {
  if (place === 'PENDING') return 'DecisionDeadline';
  return requeried ? 'EndDeadline' : 'RequeryDeadline';
}

/**
 * Applies occurrences one after the other, each to what those before it have left.
 * Answers the reaction to each, undefined where the order is unknown.
 */
export function reactAll(
  orders: ReadonlyMap<string, SagaOrder>,
  occurrences: readonly Occurrence[],
  limits: Limits,
): (Reaction | undefined)[] {
  const current = new Map(orders);
  return occurrences.map((occurrence) => {
    const order = current.get(occurrence.orderId);
    if (order === undefined) return undefined;
    const reaction = react(order, occurrence, limits);
    if (isStep(reaction)) current.set(order.orderId, reaction.after);
    return reaction;
  });
}
