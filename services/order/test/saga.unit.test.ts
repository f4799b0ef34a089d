import { describe, expect, test } from 'vitest';
import { deadlineOf } from '../src/domain/deadline.ts';
import {
  type OrderEventName,
  type SagaInputKind,
  type SagaState,
  sagaInputs,
  sagaStateOf,
  sagaStates,
  sagaTable,
} from '../src/domain/saga.ts';
import {
  applyInput,
  applyInputs,
  isTransition,
  type SagaOrder,
  type Transition,
  undecidedOrder,
} from '../src/domain/transition.ts';
import { limits, sagaOrder } from './saga-kit.ts';

const allSagaStates = Object.keys(sagaStates) as SagaState[];
const allInputKinds = Object.keys(sagaInputs) as SagaInputKind[];
const identity = { orderId: 'o-1', customerId: 'c-1', currency: 'USD' };
const rules = allSagaStates.flatMap((sagaState) => allInputKinds.map((kind) => ({ sagaState, kind })));

const occur = (order: SagaOrder, kind: SagaInputKind, more: object = {}) =>
  applyInput(order, { orderId: order.orderId, kind, cause: 'test', ...more }, limits);

function transitionOf(
  sagaState: SagaState,
  kind: SagaInputKind,
  change: Partial<SagaOrder> = {},
): Transition {
  const result = occur(sagaOrder({ sagaState, ...change }), kind);
  if (!isTransition(result)) throw new Error(`${kind} in ${sagaState}: ${result.kind}`);
  return result;
}

describe('the table', () => {
  test('is total: every input has a rule in every saga state, and there is nothing else', () => {
    expect(Object.keys(sagaTable).sort()).toEqual(allSagaStates.toSorted());
    for (const sagaState of allSagaStates) {
      expect(Object.keys(sagaTable[sagaState]).sort(), sagaState).toEqual(allInputKinds.toSorted());
    }
  });

  /** Every rule once more, the other way round: by input, with the saga states it is applied in. */
  const applied: Partial<Record<SagaInputKind, Partial<Record<SagaState, string>>>> = {
    Accept: { PENDING: 'ACCEPTED: OrderAccepted' },
    Reject: { PENDING: 'REJECTED: OrderRejected' },
    InventoryReserved: { ACCEPTED: 'RESERVED: OrderReserved' },
    InventoryUnavailable: { ACCEPTED: 'CANCELLING: OrderCancelRequested' },
    InventoryReleased: {
      CANCELLING: 'CANCELLING, stock released: ',
      'CANCELLING, money undone': 'CANCELLED: OrderCancelled',
    },
    InventoryCommitted: { CONFIRMED: 'COMPLETED: OrderCompleted' },
    PaymentProcessed: {
      ACCEPTED: 'CONFIRMED: OrderReserved OrderConfirmed',
      RESERVED: 'CONFIRMED: OrderConfirmed',
    },
    PaymentFailed: {
      ACCEPTED: 'CANCELLING: OrderReserved OrderCancelRequested',
      RESERVED: 'CANCELLING: OrderCancelRequested',
    },
    PaymentVoided: {
      CANCELLING: 'CANCELLING, money undone: ',
      'CANCELLING, stock released': 'CANCELLED: OrderCancelled',
    },
    PaymentRefunded: {
      CANCELLING: 'CANCELLING, money undone: ',
      'CANCELLING, stock released': 'CANCELLED: OrderCancelled',
      COMPLETED: 'COMPLETED, refunded: OrderRefunded',
    },
    Cancel: {
      PENDING: 'CANCELLED, undecided: OrderCancelled',
      ACCEPTED: 'CANCELLING: OrderCancelRequested',
      RESERVED: 'CANCELLING: OrderCancelRequested',
    },
    EndDeadline: {
      ACCEPTED: 'CANCELLING: OrderCancelRequested',
      RESERVED: 'CANCELLING: OrderCancelRequested',
    },
  };
  /** What cannot be, by place. */
  const everyReply = allInputKinds.filter((kind) => /^(Inventory|Payment)/.test(kind));
  const undoing = ['InventoryReleased', 'PaymentVoided', 'PaymentRefunded'];
  const afterPayment = ['InventoryUnavailable', 'InventoryReleased', 'PaymentFailed', 'PaymentVoided'];
  const contradictions: Record<SagaState, readonly string[]> = {
    PENDING: everyReply,
    REJECTED: everyReply,
    ACCEPTED: [...undoing, 'InventoryCommitted'],
    RESERVED: [...undoing, 'InventoryCommitted', 'InventoryUnavailable'],
    CONFIRMED: [...afterPayment, 'PaymentRefunded'],
    COMPLETED: afterPayment,
    'COMPLETED, refunded': afterPayment,
    CANCELLING: ['InventoryCommitted'],
    'CANCELLING, stock released': ['InventoryCommitted'],
    'CANCELLING, money undone': ['InventoryCommitted'],
    CANCELLED: ['InventoryCommitted'],
    'CANCELLED, undecided': everyReply,
  };
  const isAwaiting = (sagaState: SagaState) =>
    ['ACCEPTED', 'RESERVED', 'CONFIRMED', 'CANCELLING'].includes(sagaStates[sagaState].state);
  const refuses = (sagaState: SagaState) =>
    ['CONFIRMED', 'COMPLETED', 'REJECTED'].includes(sagaStates[sagaState].state);

  function expected(sagaState: SagaState, kind: SagaInputKind): string {
    const next = applied[kind]?.[sagaState];
    if (next !== undefined) return `apply ${next}`;
    if (contradictions[sagaState].includes(kind)) return 'needs_review';
    if (kind === 'Cancel' && refuses(sagaState)) return 'refuse';
    if (kind === 'EnrichmentInvalid' && sagaState === 'PENDING') return 'undecidable ENRICHMENT_INVALID';
    if (kind === 'DecisionDeadline' && sagaState === 'PENDING') return 'attention UNDECIDED';
    if (kind === 'RequeryDeadline' && isAwaiting(sagaState)) return 'requery';
    if (kind === 'EndDeadline' && isAwaiting(sagaState))
      return `attention STUCK_IN_${sagaStates[sagaState].state}`;
    if (kind === 'ParticipantBehind' && ['ACCEPTED', 'RESERVED'].includes(sagaState)) {
      return 'attention PARTICIPANT_BEHIND';
    }
    if (kind === 'Retry') return sagaState === 'PENDING' ? 'resubmit' : 'requery';
    return 'done';
  }

  test.each(rules)('$kind in $sagaState', ({ sagaState, kind }) => {
    const rule = sagaTable[sagaState][kind];
    const text =
      rule.kind === 'apply'
        ? `apply ${rule.to}: ${rule.publishes.join(' ')}`
        : 'cause' in rule
          ? `${rule.kind} ${rule.cause}`
          : rule.kind;
    expect(text).toBe(expected(sagaState, kind));
  });

  test('leads from every place to an end', () => {
    const isEnd = (sagaState: SagaState) => /^(REJECTED|COMPLETED|CANCELLED)/.test(sagaState);
    const ends = (sagaState: SagaState, seen = new Set<SagaState>()): boolean => {
      if (isEnd(sagaState)) return true;
      if (seen.has(sagaState)) return false;
      seen.add(sagaState);
      return Object.values(sagaTable[sagaState]).some((rule) => rule.kind === 'apply' && ends(rule.to, seen));
    };
    expect(allSagaStates.filter((sagaState) => !ends(sagaState))).toEqual([]);
  });

  test('publishes one legal path for every way through it', () => {
    const legal: Partial<Record<OrderEventName | 'nothing', readonly OrderEventName[]>> = {
      nothing: ['OrderAccepted', 'OrderRejected', 'OrderCancelled'],
      OrderAccepted: ['OrderReserved', 'OrderCancelRequested'],
      OrderReserved: ['OrderConfirmed', 'OrderCancelRequested'],
      OrderConfirmed: ['OrderCompleted'],
      OrderCompleted: ['OrderRefunded'],
      OrderCancelRequested: ['OrderCancelled'],
    };
    const seen = new Set<string>();
    const walk = (sagaState: SagaState, last: OrderEventName | 'nothing') => {
      if (seen.has(`${sagaState} ${last}`)) return;
      seen.add(`${sagaState} ${last}`);
      for (const rule of Object.values(sagaTable[sagaState])) {
        if (rule.kind !== 'apply') continue;
        let published = last;
        for (const next of rule.publishes) {
          expect(legal[published] ?? [], `${published} in ${sagaState}`).toContain(next);
          published = next;
        }
        walk(rule.to, published);
      }
    };
    walk('PENDING', 'nothing');
    expect(seen.size).toBe(allSagaStates.length);
  });
});

test('every place is found by its state and marks, and nothing else is', () => {
  for (const sagaState of allSagaStates) expect(sagaStateOf(sagaStates[sagaState])).toBe(sagaState);
  expect(() => sagaStateOf({ ...sagaStates.RESERVED, refunded: true })).toThrow(/no order can be/);
});

describe('a step', () => {
  test('counts its events and one row of history', () => {
    const { before, after, publishes } = transitionOf('ACCEPTED', 'PaymentProcessed', {
      version: 1,
      revision: 2,
    });
    expect(publishes).toEqual(['OrderReserved', 'OrderConfirmed']);
    expect([before.version, after.version, after.revision]).toEqual([1, 3, 3]);
  });

  test.each(['Reject', 'EnrichmentInvalid', 'Cancel'] as const)(
    'that does not accept the order leaves it without a total: %s',
    (kind) => {
      expect(transitionOf('PENDING', kind, { total: undefined }).after.total).toBeUndefined();
    },
  );

  test('that accepts the order says what is to be paid', () => {
    const result = occur(undecidedOrder(identity), 'Accept', { total: 250n });
    if (!isTransition(result)) throw new Error('no step');
    expect(result.after).toEqual({
      ...undecidedOrder(identity, { version: 1, revision: 1, needsAttention: undefined }),
      sagaState: 'ACCEPTED',
      total: 250n,
    });
  });

  test('that finds no decision possible needs attention for that now, and keeps what was said', () => {
    const before = undecidedOrder(identity, { version: 0, revision: 2, needsAttention: 'UNDECIDED' });
    const result = occur(before, 'EnrichmentInvalid', { detail: 'nonsense' });
    if (!isTransition(result)) throw new Error('no step');
    expect(result).toMatchObject({ kind: 'attention', publishes: [], detail: 'nonsense' });
    expect(result.after).toEqual({ ...before, revision: 3, needsAttention: 'ENRICHMENT_INVALID' });
  });

  test('keeps the name of a charge of the whole total', () => {
    const charge = { transactionId: 'tx-1', charged: { amount: 10_799n, currency: 'USD' } };
    const result = occur(sagaOrder({ sagaState: 'RESERVED' }), 'PaymentProcessed', charge);
    expect(isTransition(result) && result.after).toMatchObject({
      sagaState: 'CONFIRMED',
      transactionId: 'tx-1',
    });
  });

  test.each([
    [{ amount: 10_800n, currency: 'USD' }, '10800 minor units of USD'],
    [{ amount: 10_799n, currency: 'EUR' }, '10799 minor units of EUR'],
    [{ amount: 10_799n, currency: '' }, '10799 minor units of no currency'],
  ])('is not applied when %o was charged instead of the total: it needs review', (charged, said) => {
    const before = sagaOrder({ sagaState: 'RESERVED' });
    const result = occur(before, 'PaymentProcessed', { transactionId: 'tx-1', charged });
    if (!isTransition(result)) throw new Error('no step');
    expect(result.after).toEqual({
      ...before,
      revision: before.revision + 1,
      needsAttention: 'CONTRADICTORY_EVENT',
    });
    expect(result.detail).toBe(`needs attention: ${said} were charged, the total is 10799 of USD`);
    // It is not settled in time: the deadline undoes it.
    expect(transitionOf('RESERVED', 'EndDeadline', result.after).after.sagaState).toBe('CANCELLING');
  });

  test('that cancels keeps the first reason, with what was said', () => {
    const asked = occur(sagaOrder({ sagaState: 'RESERVED' }), 'Cancel', { detail: 'changed my mind' });
    if (!isTransition(asked)) throw new Error('no step');
    expect(asked.after).toMatchObject({ cancelReason: 'CLIENT_REQUEST', cancelDetail: 'changed my mind' });
    const released = occur(asked.after, 'InventoryReleased');
    const undone = isTransition(released) && occur(released.after, 'PaymentVoided', { detail: 'other' });
    expect(undone && isTransition(undone) && undone.after).toMatchObject({
      sagaState: 'CANCELLED',
      cancelReason: 'CLIENT_REQUEST',
      cancelDetail: 'changed my mind',
    });
  });

  test.each([
    ['InventoryUnavailable', 'OUT_OF_STOCK'],
    ['PaymentFailed', 'PAYMENT_FAILED'],
    ['EndDeadline', 'DEADLINE'],
  ] as const)('that cancels because of %s says %s', (kind, reason) => {
    expect(transitionOf('ACCEPTED', kind).after.cancelReason).toBe(reason);
  });

  test('clears an attention that is over, and not a contradiction', () => {
    const stuck = { needsAttention: 'STUCK_IN_CONFIRMED' };
    expect(transitionOf('CONFIRMED', 'InventoryCommitted', stuck).after.needsAttention).toBeUndefined();
    const contradictory = { needsAttention: 'CONTRADICTORY_EVENT' };
    const { after } = transitionOf('CONFIRMED', 'InventoryCommitted', contradictory);
    expect(after.needsAttention).toBe('CONTRADICTORY_EVENT');
  });

  test('that is a contradiction needs attention once, and leaves the order unchanged', () => {
    const { before, after, kind, nextDeadline, detail } = transitionOf('ACCEPTED', 'InventoryCommitted');
    expect({ kind, nextDeadline }).toEqual({ kind: 'attention', nextDeadline: 'keep' });
    expect(after).toEqual({
      ...before,
      revision: before.revision + 1,
      needsAttention: 'CONTRADICTORY_EVENT',
    });
    expect(detail).toBe('needs attention: InventoryCommitted cannot happen in ACCEPTED');
    expect(occur(after, 'InventoryCommitted').kind).toBe('done');
  });
});

describe('the next deadline', () => {
  const minutes = (n: number) => ({ afterMs: n * 60_000 });

  test.each([
    ['PENDING', 'Accept', minutes(15)],
    ['PENDING', 'Reject', 'none'],
    ['PENDING', 'EnrichmentInvalid', 'none'],
    ['ACCEPTED', 'InventoryReserved', 'keep'],
    ['ACCEPTED', 'PaymentProcessed', minutes(10)],
    ['ACCEPTED', 'RequeryDeadline', minutes(15)],
    ['RESERVED', 'RequeryDeadline', minutes(15)],
    ['RESERVED', 'Cancel', minutes(10)],
    ['RESERVED', 'EndDeadline', minutes(10)],
    ['RESERVED', 'ParticipantBehind', 'keep'],
    ['CONFIRMED', 'RequeryDeadline', minutes(10)],
    ['CONFIRMED', 'EndDeadline', 'none'],
    ['CONFIRMED', 'InventoryCommitted', 'none'],
    ['CONFIRMED', 'Retry', minutes(10)],
    ['CANCELLING', 'InventoryReleased', minutes(10)],
    ['CANCELLING, stock released', 'PaymentVoided', 'none'],
    ['PENDING', 'DecisionDeadline', 'none'],
    ['PENDING', 'Cancel', 'none'],
    ['PENDING', 'Retry', minutes(15)],
    ['COMPLETED', 'Retry', 'none'],
  ] as const)('in %s after %s', (sagaState, kind, nextDeadline) => {
    expect(transitionOf(sagaState, kind).nextDeadline).toEqual(nextDeadline);
  });

  test('requeries first, then ends', () => {
    expect(deadlineOf({ state: 'PENDING', requeried: false })).toBe('DecisionDeadline');
    expect(deadlineOf({ state: 'RESERVED', requeried: false })).toBe('RequeryDeadline');
    const { requeried } = transitionOf('RESERVED', 'RequeryDeadline').after;
    expect(deadlineOf({ state: 'RESERVED', requeried })).toBe('EndDeadline');
  });

  test('stock that is found after the requery does not start it anew; a payment does', () => {
    expect(transitionOf('ACCEPTED', 'InventoryReserved', { requeried: true }).after.requeried).toBe(true);
    expect(transitionOf('RESERVED', 'PaymentProcessed', { requeried: true }).after.requeried).toBe(false);
  });
});

describe('inputs of a batch', () => {
  const of = (orderId: string, kind: SagaInputKind) => ({ orderId, kind, cause: 'test' });

  test('build on each other, order by order', () => {
    const orders = new Map(
      ['a', 'b'].map((orderId) => [orderId, sagaOrder({ orderId, sagaState: 'ACCEPTED' })]),
    );
    const results = applyInputs(
      orders,
      [
        of('a', 'InventoryReserved'),
        of('b', 'InventoryUnavailable'),
        of('nobody', 'PaymentProcessed'),
        of('a', 'PaymentProcessed'),
        of('a', 'InventoryReserved'),
        of('b', 'InventoryReleased'),
        of('b', 'PaymentVoided'),
      ],
      limits,
    );
    expect(results.map((result) => (isTransition(result) ? result.after.sagaState : result?.kind))).toEqual([
      'RESERVED',
      'CANCELLING',
      undefined,
      'CONFIRMED',
      'done',
      'CANCELLING, stock released',
      'CANCELLED',
    ]);
  });

  test('end where they would have ended in any other order of the two topics', () => {
    const way = (...order: SagaInputKind[]) =>
      applyInputs(
        new Map([['a', sagaOrder({ orderId: 'a', sagaState: 'ACCEPTED' })]]),
        order.map((kind) => of('a', kind)),
        limits,
      ).findLast(isTransition)?.after;
    const straight = way('InventoryReserved', 'PaymentProcessed', 'InventoryCommitted');
    const crossed = way('PaymentProcessed', 'InventoryReserved', 'InventoryCommitted');
    expect(crossed).toEqual({ ...straight, revision: crossed?.revision });
    expect(straight?.version).toBe(4);
  });
});
