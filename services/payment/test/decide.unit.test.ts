import { describe, expect, test } from 'vitest';
import { decide } from '../src/domain/decide.ts';
import type { Call, Decision, Input, Outcome } from '../src/domain/input.ts';
import type { Payable } from '../src/domain/payable.ts';
import { isRefused, type Payment } from '../src/domain/payment.ts';
import { accepted, later, now, reserved, states, terms, toPay } from './states.ts';

type StateName = keyof typeof states;

/** What is decided of a payment that is there. */
type PaymentDecision = Decision & { readonly next: Payment | undefined };

const of = (name: StateName): Payment => states[name] as Payment;
const on = (name: StateName, input: Input, at = now) =>
  decide(states[name], input, 'o-1', at, terms) as PaymentDecision;

/** `STATE reply`, or `contradiction`; `-` where nothing changes. */
function briefly(name: StateName, { next, reply, contradiction, refused }: Decision): string {
  if (contradiction !== undefined) {
    expect(next).toBe(states[name]);
    expect(reply).toBeUndefined();
    return 'contradiction';
  }
  const published = [next === states[name] ? '-' : next?.state, reply].filter((part) => part !== undefined);
  return `${published.join(' ')}${refused === undefined ? '' : `, ${refused.record} refused`}`;
}

const [acceptedOtherwise, reservedOtherwise] = toPay({ lines: 'two p-1' });
const events = {
  accepted,
  'accepted otherwise': acceptedOtherwise,
  reserved,
  'reserved otherwise': reservedOtherwise,
  cancel: { kind: 'cancel_requested' },
  completed: { kind: 'completed' },
  again: { kind: 'requeried' },
  refund: { kind: 'refund_requested', reason: 'broken', callerId: 'me', isOrderUnknown: false },
  'settle by hand': { kind: 'settled_by_hand', reason: 'bank transfer', callerId: 'me' },
} as const satisfies Record<string, Input>;

describe('every state × every event of the order', () => {
  const impossible = 'contradiction';
  const unpaid = ['VOIDED PaymentVoided', impossible, '-', impossible, impossible];
  // accepted, accepted otherwise, reserved, reserved otherwise, cancel, completed, again, refund, settle by hand
  const table: Record<StateName, readonly string[]> = {
    'no payment': ['WAITING', 'WAITING', 'WAITING', 'WAITING', ...unpaid],
    'accepted, not reserved': ['-', impossible, 'PENDING', impossible, ...unpaid],
    'accepted, after another reservation': [
      '-, another refused',
      impossible,
      'PENDING',
      impossible,
      ...unpaid,
    ],
    'reserved, not accepted': ['PENDING', 'WAITING, as it was read refused', '-', impossible, ...unpaid],
    'not yet tried': ['-', '-', '-', '-', 'VOIDED PaymentVoided', impossible, '-', impossible, impossible],
    'tried, outcome unknown': ['-', '-', '-', '-', 'SETTLING', impossible, '-', impossible, impossible],
    'declined for now': ['-', '-', '-', '-', 'VOIDED PaymentVoided', impossible, '-', impossible, impossible],
    processed: ['-', '-', '-', '-', 'REFUNDING', 'PROCESSED', '- PaymentProcessed', impossible, impossible],
    completed: ['-', '-', '-', '-', impossible, '-', '- PaymentProcessed', 'REFUNDING', impossible],
    'costs nothing': [
      impossible,
      impossible,
      impossible,
      impossible,
      'VOIDED PaymentVoided',
      'PROCESSED',
      '- PaymentProcessed',
      impossible,
      impossible,
    ],
    failed: [
      '-',
      '-',
      '-',
      '-',
      'FAILED PaymentVoided',
      impossible,
      '- PaymentFailed',
      impossible,
      impossible,
    ],
    'failed, cancelled': ['-', '-', '-', '-', '-', impossible, '- PaymentVoided', impossible, impossible],
    settling: ['-', '-', '-', '-', 'SETTLING', impossible, '-', impossible, impossible],
    'settling, cancelled': ['-', '-', '-', '-', '-', impossible, '-', impossible, impossible],
    'refunding, cancelled': ['-', '-', '-', '-', '-', impossible, '-', '-', impossible],
    'refunding, completed': ['-', '-', '-', '-', impossible, '-', '-', '-', impossible],
    'settling, refused': [
      '-',
      '-',
      '-',
      '-',
      'SETTLING',
      impossible,
      '-',
      impossible,
      'FAILED PaymentFailed',
    ],
    'refunding, refused': ['-', '-', '-', '-', impossible, '-', '-', '-', 'REFUNDED PaymentRefunded'],
    'refunding, refused, being asked again': ['-', '-', '-', '-', impossible, '-', '-', '-', impossible],
    voided: ['-', '-', '-', '-', '-', impossible, '- PaymentVoided', impossible, impossible],
    'closed before any event': [
      '-',
      '-',
      '-',
      '-',
      '-',
      impossible,
      '- PaymentVoided',
      impossible,
      impossible,
    ],
    'refunded, cancelled': ['-', '-', '-', '-', '-', impossible, '- PaymentRefunded', '-', impossible],
    'refunded, completed': ['-', '-', '-', '-', impossible, '-', '- PaymentRefunded', '-', impossible],
    'refunded by hand': ['-', '-', '-', '-', impossible, '-', '- PaymentRefunded', '-', '-'],
    'failed by hand': [
      '-',
      '-',
      '-',
      '-',
      'FAILED PaymentVoided',
      impossible,
      '- PaymentFailed',
      impossible,
      '-',
    ],
  };
  test.each(Object.keys(states) as StateName[])('%s', (name) => {
    const outcomes = Object.values(events).map((input) => briefly(name, on(name, input)));
    expect(outcomes).toEqual(table[name]);
  });
});

const charge: Call = { kind: 'CHARGE', number: 1, key: 'o-1:1' };
const outcomes = {
  approved: { kind: 'approved', transactionId: 'ch-1' },
  declined: { kind: 'declined', code: 'insufficient_funds' },
  'not now': { kind: 'temporarily_declined', code: 'try_again_later' },
  voided: { kind: 'voided' },
  refused: { kind: 'refused', detail: 'CHARGE_NOT_REFUNDABLE' },
  unknown: { kind: 'unknown', detail: 'no answer' },
  unreachable: { kind: 'unreachable', detail: 'refused' },
} as const satisfies Record<string, Outcome>;
const called = (outcome: Outcome, call = charge): Input => ({ kind: 'called', call, outcome });

describe('how a charge ends', () => {
  test.each<[keyof typeof outcomes, string]>([
    ['approved', 'PROCESSED PaymentProcessed'],
    ['declined', 'FAILED PaymentFailed'],
    ['not now', 'PENDING'],
    ['voided', 'FAILED PaymentFailed'],
    ['unknown', 'PENDING'],
    ['unreachable', 'PENDING'],
  ])('%s: %s', (outcome, expected) => {
    const name = 'tried, outcome unknown';
    expect(briefly(name, on(name, called(outcomes[outcome])))).toBe(expected);
  });

  test('an approval is kept with its name, a decline with its reason and code', () => {
    expect(on('tried, outcome unknown', called(outcomes.approved)).next).toMatchObject({
      transactionId: 'ch-1',
      nextAttemptTime: undefined,
      answerTime: now,
    });
    expect(on('tried, outcome unknown', called(outcomes.declined)).next).toMatchObject({
      failReason: 'DECLINED',
      declineCode: 'insufficient_funds',
    });
    expect(on('tried, outcome unknown', called(outcomes.voided)).next?.failReason).toBe('UNSETTLED');
  });

  test('while it is settled or was undone, a late reply changes nothing', () => {
    const names = [
      'settling',
      'settling, cancelled',
      'processed',
      'refunding, cancelled',
      'voided',
      'refunded, cancelled',
    ] as const;
    for (const name of names) {
      for (const outcome of Object.values(outcomes)) {
        expect(briefly(name, on(name, called(outcome)))).toBe('-');
      }
    }
  });

  test('an approval after a definite decline is a contradiction', () => {
    expect(on('failed', called(outcomes.approved)).contradiction).toContain('o-1:1');
    expect(on('declined for now', called(outcomes.approved)).contradiction).toContain('o-1:1');
  });
});

/** A payment, and what its calls come to one after the other; each is claimed as soon as it is due. */
function play(from: Payment, replies: readonly Outcome[]) {
  let payment = from;
  const applied: { call: Call; afterMs: number }[] = [];
  let published: string | undefined;
  for (const outcome of replies) {
    const at = payment.nextAttemptTime;
    if (at === undefined) break;
    expect(decide(payment, { kind: 'due' }, 'o-1', new Date(at.getTime() - 1), terms).call).toBeUndefined();
    const begun = decide(payment, { kind: 'due' }, 'o-1', at, terms);
    if (begun.call === undefined || begun.next === undefined) throw new Error('nothing was due');
    applied.push({ call: begun.call, afterMs: at.getTime() - now.getTime() });
    const ended = decide(begun.next, called(outcome, begun.call), 'o-1', at, terms) as PaymentDecision;
    payment = ended.next ?? (begun.next as Payment);
    published = ended.reply;
  }
  return {
    payment,
    published,
    applied: applied.map(({ call, afterMs }) => `${call.kind} ${call.key} at ${afterMs}`),
  };
}

describe('tries', () => {
  const fresh = of('not yet tried');
  const times = (count: number, outcome: Outcome) => Array.from({ length: count }, () => outcome);

  test('what is declined for now is tried under new keys after 1, 2 and 4 s, then it has failed', () => {
    const { payment, published, applied } = play(fresh, times(9, outcomes['not now']));
    expect(applied).toEqual([
      'CHARGE o-1:1 at 0',
      'CHARGE o-1:2 at 1000',
      'CHARGE o-1:3 at 3000',
      'CHARGE o-1:4 at 7000',
    ]);
    expect(payment).toMatchObject({ state: 'FAILED', failReason: 'TEMPORARILY_DECLINED' });
    expect(published).toBe('PaymentFailed');
  });

  test('what stays unknown is tried under one key after 1, 2 and 4 s, then voided every 30 s until it is certain', () => {
    const { payment, published, applied } = play(fresh, [...times(6, outcomes.unknown), outcomes.voided]);
    expect(applied).toEqual([
      'CHARGE o-1:1 at 0',
      'CHARGE o-1:1 at 1000',
      'CHARGE o-1:1 at 3000',
      'CHARGE o-1:1 at 7000',
      'VOID o-1:1 at 7000',
      'VOID o-1:1 at 37000',
      'VOID o-1:1 at 67000',
    ]);
    expect(payment).toMatchObject({ state: 'FAILED', failReason: 'UNSETTLED', nextAttemptTime: undefined });
    expect(published).toBe('PaymentFailed');
  });

  test('a gateway that cannot be reached costs no try, however long', () => {
    const { payment, applied } = play(fresh, [...times(100, outcomes.unreachable), outcomes.approved]);
    expect(new Set(applied.map((line) => line.split(' at ')[0]))).toEqual(new Set(['CHARGE o-1:1']));
    expect(payment).toMatchObject({ state: 'PROCESSED', tries: 1 });
  });

  test('unknown, then declined for now: only the next key is tried', () => {
    const { applied } = play(fresh, [outcomes.unknown, outcomes['not now'], outcomes.approved]);
    expect(applied.map((line) => line.split(' ')[1])).toEqual(['o-1:1', 'o-1:1', 'o-1:2']);
  });

  test('a refund is asked for under its own key until it is done', () => {
    const { payment, published, applied } = play(of('refunding, cancelled'), [
      outcomes.unknown,
      outcomes.unreachable,
      { kind: 'refunded' },
    ]);
    expect(applied).toEqual([
      'REFUND o-1:refund at 0',
      'REFUND o-1:refund at 30000',
      'REFUND o-1:refund at 31000',
    ]);
    expect([payment.state, published]).toEqual(['REFUNDED', 'PaymentRefunded']);
  });

  test('what the gateway refuses is asked for at a slow pace, and ends by itself when it is done after all', () => {
    const { refused, unreachable, unknown } = outcomes;
    const replies = [refused, unreachable, unknown, refused, { kind: 'refunded' }] as const;
    const { payment, published, applied } = play(of('refunding, completed'), replies);
    expect(applied.map((line) => line.split(' at ')[1])).toEqual([
      '0',
      '600000',
      '601000',
      '631000',
      '1231000',
    ]);
    expect([payment.state, payment.problem, payment.settlement]).toEqual(['REFUNDED', undefined, undefined]);
    expect(published).toBe('PaymentRefunded');
  });

  test('a problem stays until the gateway has done it; its last word is "no" only after a refusal', () => {
    const after = (...replies: Outcome[]) => {
      const { payment } = play(of('refunding, completed'), replies);
      return [payment.problem, isRefused(payment)];
    };
    const { refused, unreachable, unknown } = outcomes;
    expect(after(unknown)).toEqual([undefined, false]);
    expect(after(refused)).toEqual(['CHARGE_NOT_REFUNDABLE', true]);
    expect(after(refused, unreachable, unreachable)).toEqual(['CHARGE_NOT_REFUNDABLE', true]);
    expect(after(refused, unknown)).toEqual(['CHARGE_NOT_REFUNDABLE', false]);
    expect(after(refused, unknown, unreachable)).toEqual(['CHARGE_NOT_REFUNDABLE', false]);
  });

  test('a call that is never recorded is due again when it would be after a time-out', () => {
    const begun = on('not yet tried', { kind: 'due' });
    expect(begun.next?.nextAttemptTime).toEqual(later(5_000 + 1_000));
    const lastTry = { ...states['tried, outcome unknown'], tries: 4, nextAttemptTime: now };
    expect(decide(lastTry, { kind: 'due' }, 'o-1', now, terms)).toMatchObject({
      next: { state: 'SETTLING' },
      call: { kind: 'VOID', key: 'o-1:1' },
    });
  });

  test('while a later call is in flight, an older one that stayed unknown does not bring it forward', () => {
    const second = { ...states['tried, outcome unknown'], tries: 2, unknown: 2, attempts: 2 };
    expect(decide(second, called(outcomes.unknown), 'o-1', now, terms).next).toBe(second);
    expect(decide(second, called(outcomes.unreachable), 'o-1', now, terms).next).toEqual({
      ...second,
      tries: 1,
      unknown: 1,
    });
  });
});

describe('OrderAccepted alone fixes what is to be paid', () => {
  test.each<[string, Partial<Payable>]>([
    ['another customer', { customerId: 'c-2' }],
    ['another amount', { amount: 1n }],
    ['another currency', { currency: 'EUR' }],
    ['other lines', { lines: 'two p-1' }],
  ])('a reservation with %s charges nothing, whichever comes first', (_, change) => {
    const [, other] = toPay(change);
    const late = decide(states['accepted, not reserved'], other, 'o-1', now, terms);
    expect(late).toMatchObject({ next: { state: 'WAITING' }, contradiction: expect.any(String) });
    const early = decide(decide(undefined, other, 'o-1', now, terms).next, accepted, 'o-1', now, terms);
    expect(early.refused?.record).toBe('as it was read');
    expect(early.next).toMatchObject({ state: 'WAITING', heard: 'OrderAccepted', payable: accepted.payable });
    expect(decide(early.next, reserved, 'o-1', now, terms).next).toMatchObject({
      state: 'PENDING',
      amount: 12_99n,
    });
  });

  test.each([
    ['another customer', toPay({ customerId: 'c-2' })],
    ['another amount', toPay({ amount: 1n })],
    ['another currency', toPay({ currency: 'EUR' })],
  ])('of a payment that is there, %s is a contradiction', (_, inputs) => {
    for (const input of inputs) expect(briefly('processed', on('processed', input))).toBe('contradiction');
  });
});

test('what costs nothing is paid without asking the gateway', () => {
  const [free, freeReserved] = toPay({ amount: 0n });
  const { next: waiting } = decide(undefined, free, 'o-1', now, terms);
  const { next, reply } = decide(waiting, freeReserved, 'o-1', now, terms) as PaymentDecision;
  expect([next?.state, next?.nextAttemptTime, reply]).toEqual(['PROCESSED', undefined, 'PaymentProcessed']);
});

describe('what was settled by hand', () => {
  test('says who, why and when', () => {
    expect(on('refunding, refused', events['settle by hand']).next).toMatchObject({
      settlement: { reason: 'bank transfer', callerId: 'me', time: now },
      problem: undefined,
      nextAttemptTime: undefined,
    });
  });

  test('is not undone by the gateway, and a later movement of money is reported', () => {
    const refund: Call = { kind: 'REFUND', number: 1, key: 'o-1:refund' };
    const late = on('refunded by hand', called({ kind: 'refunded' }, refund));
    expect([late.next, late.contradiction]).toEqual([
      states['refunded by hand'],
      expect.stringContaining('o-1:refund'),
    ]);
    const charged = on('failed by hand', called(outcomes.approved));
    expect([charged.next, charged.contradiction]).toEqual([
      states['failed by hand'],
      expect.stringContaining('o-1:1'),
    ]);
    expect(on('refunded by hand', called(outcomes.refused, refund)).contradiction).toBeUndefined();
  });
});

describe('a refund of an order that the order service does not know', () => {
  const unknown = { ...events.refund, isOrderUnknown: true };

  test.each(Object.keys(states) as StateName[])('of %s is only of what stands charged', (name) => {
    const isCharged = name === 'processed' || name === 'completed';
    const expected = isCharged ? 'REFUNDING' : briefly(name, on(name, events.refund));
    expect(briefly(name, on(name, unknown))).toBe(expected);
  });

  test('replies to the cancel that comes when the order is known after all, with the same reply', () => {
    const refunding = on('processed', unknown).next;
    const cancelled = decide(refunding, events.cancel, 'o-1', now, terms);
    expect(cancelled).toMatchObject({ next: { state: 'REFUNDING', cancelRequested: true } });
    expect(cancelled.reply).toBeUndefined();
    const refund: Call = { kind: 'REFUND', number: 2, key: 'o-1:refund' };
    const begun = decide(refunding, { kind: 'due' }, 'o-1', now, terms).next;
    const refunded = decide(begun, called({ kind: 'refunded' }, refund), 'o-1', now, terms);
    const late = decide(refunded.next, events.cancel, 'o-1', later(1), terms);
    expect([refunded.reply, late.reply]).toEqual(['PaymentRefunded', 'PaymentRefunded']);
    expect(late.next).toEqual({ ...refunded.next, cancelRequested: true });
  });
});

test('a refund says who asked for it, why and when', () => {
  expect(on('completed', events.refund).next).toMatchObject({
    refund: { reason: 'broken', callerId: 'me', time: now },
  });
});
