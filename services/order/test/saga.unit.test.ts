import { describe, expect, test } from 'vitest';
import { deadlineOf, isStep, react, reactAll, type SagaOrder, type Step } from '../src/domain/order-step.ts';
import {
  type Happening,
  happenings,
  type OrderEventName,
  type Place,
  placeOf,
  places,
  sagaTable,
} from '../src/domain/saga.ts';
import { limits, sagaOrder } from './saga-kit.ts';

const allPlaces = Object.keys(places) as Place[];
const allHappenings = Object.keys(happenings) as Happening[];
const cells = allPlaces.flatMap((place) => allHappenings.map((happening) => ({ place, happening })));

const occur = (order: SagaOrder, happening: Happening, more: object = {}) =>
  react(order, { orderId: order.orderId, happening, cause: 'test', ...more }, limits);

function stepOf(place: Place, happening: Happening, change: Partial<SagaOrder> = {}): Step {
  const reaction = occur(sagaOrder({ place, ...change }), happening);
  if (!isStep(reaction)) throw new Error(`${happening} in ${place}: ${reaction.kind}`);
  return reaction;
}

describe('the table', () => {
  test('is total: every happening has a cell in every place, and there is nothing else', () => {
    expect(Object.keys(sagaTable).sort()).toEqual(allPlaces.toSorted());
    for (const place of allPlaces) {
      expect(Object.keys(sagaTable[place]).sort(), place).toEqual(allHappenings.toSorted());
    }
  });

  /** Every cell once more, written another way round: by happening, with the places it is applied in. */
  const applied: Partial<Record<Happening, Partial<Record<Place, string>>>> = {
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
  const everyAnswer = allHappenings.filter((happening) => /^(Inventory|Payment)/.test(happening));
  const undoing = ['InventoryReleased', 'PaymentVoided', 'PaymentRefunded'];
  const afterPayment = ['InventoryUnavailable', 'InventoryReleased', 'PaymentFailed', 'PaymentVoided'];
  const alarms: Record<Place, readonly string[]> = {
    PENDING: everyAnswer,
    REJECTED: everyAnswer,
    ACCEPTED: [...undoing, 'InventoryCommitted'],
    RESERVED: [...undoing, 'InventoryCommitted', 'InventoryUnavailable'],
    CONFIRMED: [...afterPayment, 'PaymentRefunded'],
    COMPLETED: afterPayment,
    'COMPLETED, refunded': afterPayment,
    CANCELLING: ['InventoryCommitted'],
    'CANCELLING, stock released': ['InventoryCommitted'],
    'CANCELLING, money undone': ['InventoryCommitted'],
    CANCELLED: ['InventoryCommitted'],
    'CANCELLED, undecided': everyAnswer,
  };
  const isAwaiting = (place: Place) =>
    ['ACCEPTED', 'RESERVED', 'CONFIRMED', 'CANCELLING'].includes(places[place].state);
  const refuses = (place: Place) => ['CONFIRMED', 'COMPLETED', 'REJECTED'].includes(places[place].state);

  function expected(place: Place, happening: Happening): string {
    const next = applied[happening]?.[place];
    if (next !== undefined) return `apply ${next}`;
    if (alarms[place].includes(happening)) return 'alarm';
    if (happening === 'Cancel' && refuses(place)) return 'refuse';
    if (happening === 'DecisionDeadline' && place === 'PENDING') return 'attention UNDECIDED';
    if (happening === 'RequeryDeadline' && isAwaiting(place)) return 'requery';
    if (happening === 'EndDeadline' && isAwaiting(place)) return `attention STUCK_IN_${places[place].state}`;
    if (happening === 'Retry') return place === 'PENDING' ? 'resubmit' : 'requery';
    return 'done';
  }

  test.each(cells)('$happening in $place', ({ place, happening }) => {
    const cell = sagaTable[place][happening];
    const text =
      cell.kind === 'apply'
        ? `apply ${cell.to}: ${cell.tells.join(' ')}`
        : cell.kind === 'attention'
          ? `attention ${cell.cause}`
          : cell.kind;
    expect(text).toBe(expected(place, happening));
  });

  test('leads from every place to an end', () => {
    const isEnd = (place: Place) => /^(REJECTED|COMPLETED|CANCELLED)/.test(place);
    const ends = (place: Place, seen = new Set<Place>()): boolean => {
      if (isEnd(place)) return true;
      if (seen.has(place)) return false;
      seen.add(place);
      return Object.values(sagaTable[place]).some((cell) => cell.kind === 'apply' && ends(cell.to, seen));
    };
    expect(allPlaces.filter((place) => !ends(place))).toEqual([]);
  });

  test('tells every way through it as one legal path', () => {
    const legal: Partial<Record<OrderEventName | 'nothing', readonly OrderEventName[]>> = {
      nothing: ['OrderAccepted', 'OrderRejected', 'OrderCancelled'],
      OrderAccepted: ['OrderReserved', 'OrderCancelRequested'],
      OrderReserved: ['OrderConfirmed', 'OrderCancelRequested'],
      OrderConfirmed: ['OrderCompleted'],
      OrderCompleted: ['OrderRefunded'],
      OrderCancelRequested: ['OrderCancelled'],
    };
    const seen = new Set<string>();
    const walk = (place: Place, last: OrderEventName | 'nothing') => {
      if (seen.has(`${place} ${last}`)) return;
      seen.add(`${place} ${last}`);
      for (const cell of Object.values(sagaTable[place])) {
        if (cell.kind !== 'apply') continue;
        let told = last;
        for (const next of cell.tells) {
          expect(legal[told] ?? [], `${told} in ${place}`).toContain(next);
          told = next;
        }
        walk(cell.to, told);
      }
    };
    walk('PENDING', 'nothing');
    expect(seen.size).toBe(allPlaces.length);
  });
});

test('every place is found by its state and marks, and nothing else is', () => {
  for (const place of allPlaces) expect(placeOf(places[place])).toBe(place);
  expect(() => placeOf({ ...places.RESERVED, refunded: true })).toThrow(/no order can be/);
});

describe('a step', () => {
  test('counts its events and one row of history', () => {
    const { before, after, tells } = stepOf('ACCEPTED', 'PaymentProcessed', { version: 1, revision: 2 });
    expect(tells).toEqual(['OrderReserved', 'OrderConfirmed']);
    expect([before.version, after.version, after.revision]).toEqual([1, 3, 3]);
  });

  test('keeps the name of a charge of the whole total', () => {
    const charge = { transactionId: 'tx-1', charged: { amount: 10_799n, currency: 'USD' } };
    const reaction = occur(sagaOrder({ place: 'RESERVED' }), 'PaymentProcessed', charge);
    expect(isStep(reaction) && reaction.after).toMatchObject({ place: 'CONFIRMED', transactionId: 'tx-1' });
  });

  test.each([
    [{ amount: 10_800n, currency: 'USD' }, '10800 minor units of USD'],
    [{ amount: 10_799n, currency: 'EUR' }, '10799 minor units of EUR'],
    [{ amount: 10_799n, currency: '' }, '10799 minor units of no currency'],
  ])('is not taken when %o was charged instead of the total: it calls somebody', (charged, said) => {
    const before = sagaOrder({ place: 'RESERVED' });
    const reaction = occur(before, 'PaymentProcessed', { transactionId: 'tx-1', charged });
    if (!isStep(reaction)) throw new Error('no step');
    expect(reaction.after).toEqual({
      ...before,
      revision: before.revision + 1,
      needsAttention: 'CONTRADICTORY_EVENT',
    });
    expect(reaction.detail).toBe(`needs attention: ${said} were charged, the total is 10799 of USD`);
    // Nobody can mend it in time: the deadline undoes it.
    expect(stepOf('RESERVED', 'EndDeadline', reaction.after).after.place).toBe('CANCELLING');
  });

  test('that cancels keeps the first reason, with what was said', () => {
    const asked = occur(sagaOrder({ place: 'RESERVED' }), 'Cancel', { detail: 'changed my mind' });
    if (!isStep(asked)) throw new Error('no step');
    expect(asked.after).toMatchObject({ cancelReason: 'CLIENT_REQUEST', cancelDetail: 'changed my mind' });
    const released = occur(asked.after, 'InventoryReleased');
    const undone = isStep(released) && occur(released.after, 'PaymentVoided', { detail: 'other' });
    expect(undone && isStep(undone) && undone.after).toMatchObject({
      place: 'CANCELLED',
      cancelReason: 'CLIENT_REQUEST',
      cancelDetail: 'changed my mind',
    });
  });

  test.each([
    ['InventoryUnavailable', 'OUT_OF_STOCK'],
    ['PaymentFailed', 'PAYMENT_FAILED'],
    ['EndDeadline', 'DEADLINE'],
  ] as const)('that cancels because of %s says %s', (happening, reason) => {
    expect(stepOf('ACCEPTED', happening).after.cancelReason).toBe(reason);
  });

  test('clears an attention that is over, and not a contradiction', () => {
    const stuck = { needsAttention: 'STUCK_IN_CONFIRMED' };
    expect(stepOf('CONFIRMED', 'InventoryCommitted', stuck).after.needsAttention).toBeUndefined();
    const contradictory = { needsAttention: 'CONTRADICTORY_EVENT' };
    const { after } = stepOf('CONFIRMED', 'InventoryCommitted', contradictory);
    expect(after.needsAttention).toBe('CONTRADICTORY_EVENT');
  });

  test('that cannot be calls somebody once, and leaves the order as it is', () => {
    const { before, after, kind, look, detail } = stepOf('ACCEPTED', 'InventoryCommitted');
    expect({ kind, look }).toEqual({ kind: 'attention', look: 'keep' });
    expect(after).toEqual({
      ...before,
      revision: before.revision + 1,
      needsAttention: 'CONTRADICTORY_EVENT',
    });
    expect(detail).toBe('needs attention: InventoryCommitted cannot be in ACCEPTED');
    expect(occur(after, 'InventoryCommitted').kind).toBe('done');
  });
});

describe('the next look', () => {
  const minutes = (n: number) => ({ afterMs: n * 60_000 });

  test.each([
    ['PENDING', 'Accept', minutes(15)],
    ['ACCEPTED', 'InventoryReserved', 'keep'],
    ['ACCEPTED', 'PaymentProcessed', minutes(10)],
    ['ACCEPTED', 'RequeryDeadline', minutes(15)],
    ['RESERVED', 'RequeryDeadline', minutes(15)],
    ['RESERVED', 'Cancel', minutes(10)],
    ['RESERVED', 'EndDeadline', minutes(10)],
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
  ] as const)('in %s after %s', (place, happening, look) => {
    expect(stepOf(place, happening).look).toEqual(look);
  });

  test('asks once more first, then it is the end', () => {
    expect(deadlineOf({ place: 'PENDING', requeried: false })).toBe('DecisionDeadline');
    expect(deadlineOf({ place: 'RESERVED', requeried: false })).toBe('RequeryDeadline');
    const { after } = stepOf('RESERVED', 'RequeryDeadline');
    expect(deadlineOf(after)).toBe('EndDeadline');
  });

  test('stock that is found after the re-query does not start it anew; a payment does', () => {
    expect(stepOf('ACCEPTED', 'InventoryReserved', { requeried: true }).after.requeried).toBe(true);
    expect(stepOf('RESERVED', 'PaymentProcessed', { requeried: true }).after.requeried).toBe(false);
  });
});

describe('occurrences of a slice', () => {
  const of = (orderId: string, happening: Happening) => ({ orderId, happening, cause: 'test' });

  test('build on each other, order by order', () => {
    const orders = new Map(['a', 'b'].map((orderId) => [orderId, sagaOrder({ orderId, place: 'ACCEPTED' })]));
    const reactions = reactAll(
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
    expect(reactions.map((reaction) => (isStep(reaction) ? reaction.after.place : reaction?.kind))).toEqual([
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
    const way = (...order: Happening[]) =>
      reactAll(
        new Map([['a', sagaOrder({ orderId: 'a', place: 'ACCEPTED' })]]),
        order.map((happening) => of('a', happening)),
        limits,
      ).findLast(isStep)?.after;
    const straight = way('InventoryReserved', 'PaymentProcessed', 'InventoryCommitted');
    const crossed = way('PaymentProcessed', 'InventoryReserved', 'InventoryCommitted');
    expect(crossed).toEqual({ ...straight, revision: crossed?.revision });
    expect(straight?.version).toBe(4);
  });
});
