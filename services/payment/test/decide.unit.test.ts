import { describe, expect, test } from 'vitest';
import { decide } from '../src/domain/decide.ts';
import type { Call, Decision, Input, Outcome } from '../src/domain/input.ts';
import { isRefused, newPayment, type Payment } from '../src/domain/payment.ts';
import { later, now, reserved, states, terms } from './states.ts';

type StateName = keyof typeof states;

const of = (name: StateName): Payment => states[name] ?? newPayment('o-1');
const on = (name: StateName, input: Input, at = now): Decision =>
  decide(states[name], input, 'o-1', at, terms);

/** `STATE answer`, or `contradiction`; `-` where nothing changes. */
function briefly(name: StateName, { next, answer, contradiction }: Decision): string {
  if (contradiction !== undefined) {
    expect(next).toBe(states[name]);
    expect(answer).toBeUndefined();
    return 'contradiction';
  }
  return [next === states[name] ? '-' : next?.state, answer].filter((part) => part !== undefined).join(' ');
}

const events = {
  reserved,
  'reserved otherwise': { ...reserved, amount: 1n },
  cancel: { kind: 'cancel_requested' },
  completed: { kind: 'completed' },
  again: { kind: 'asked_again' },
  refund: { kind: 'refund_requested', reason: 'broken', callerId: 'me' },
  'settle by hand': { kind: 'settled_by_hand', reason: 'bank transfer', callerId: 'me' },
} as const satisfies Record<string, Input>;

describe('every state × every event of the order', () => {
  const impossible = 'contradiction';
  // reserved, reserved otherwise, cancel, completed, again, refund, settle by hand
  const table: Record<StateName, readonly string[]> = {
    'not heard of': ['PENDING', 'PENDING', 'VOIDED PaymentVoided', impossible, '-', impossible, impossible],
    'not yet tried': ['-', impossible, 'VOIDED PaymentVoided', impossible, '-', impossible, impossible],
    'tried, outcome unknown': ['-', impossible, 'SETTLING', impossible, '-', impossible, impossible],
    'declined for now': ['-', impossible, 'VOIDED PaymentVoided', impossible, '-', impossible, impossible],
    processed: ['-', impossible, 'REFUNDING', 'PROCESSED', '- PaymentProcessed', impossible, impossible],
    completed: ['-', impossible, impossible, '-', '- PaymentProcessed', 'REFUNDING', impossible],
    'costs nothing': [
      impossible,
      impossible,
      'VOIDED PaymentVoided',
      'PROCESSED',
      '- PaymentProcessed',
      impossible,
      impossible,
    ],
    failed: ['-', impossible, 'FAILED PaymentVoided', impossible, '- PaymentFailed', impossible, impossible],
    'failed, cancelled': ['-', impossible, '-', impossible, '- PaymentVoided', impossible, impossible],
    settling: ['-', impossible, 'SETTLING', impossible, '-', impossible, impossible],
    'settling, cancelled': ['-', impossible, '-', impossible, '-', impossible, impossible],
    'refunding, cancelled': ['-', impossible, '-', impossible, '-', '-', impossible],
    'refunding, completed': ['-', impossible, impossible, '-', '-', '-', impossible],
    'settling, refused': ['-', impossible, 'SETTLING', impossible, '-', impossible, 'FAILED PaymentFailed'],
    'refunding, refused': ['-', impossible, impossible, '-', '-', '-', 'REFUNDED PaymentRefunded'],
    'refunding, refused, being asked again': ['-', impossible, impossible, '-', '-', '-', impossible],
    voided: ['-', impossible, '-', impossible, '- PaymentVoided', impossible, impossible],
    'closed before it was heard of': ['-', '-', '-', impossible, '- PaymentVoided', impossible, impossible],
    'refunded, cancelled': ['-', impossible, '-', impossible, '- PaymentRefunded', '-', impossible],
    'refunded, completed': ['-', impossible, impossible, '-', '- PaymentRefunded', '-', impossible],
    'refunded by hand': ['-', impossible, impossible, '-', '- PaymentRefunded', '-', '-'],
    'failed by hand': [
      '-',
      impossible,
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

  test('while it is settled or was undone, a late answer changes nothing', () => {
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

/** A payment, and what its calls come to one after the other; each is taken as soon as it is due. */
function play(from: Payment, answers: readonly Outcome[]) {
  let payment = from;
  const taken: { call: Call; afterMs: number }[] = [];
  let told: string | undefined;
  for (const outcome of answers) {
    const at = payment.nextAttemptTime;
    if (at === undefined) break;
    expect(decide(payment, { kind: 'due' }, 'o-1', new Date(at.getTime() - 1), terms).call).toBeUndefined();
    const begun = decide(payment, { kind: 'due' }, 'o-1', at, terms);
    if (begun.call === undefined || begun.next === undefined) throw new Error('nothing was due');
    taken.push({ call: begun.call, afterMs: at.getTime() - now.getTime() });
    const ended = decide(begun.next, called(outcome, begun.call), 'o-1', at, terms);
    payment = ended.next ?? begun.next;
    told = ended.answer;
  }
  return { payment, told, taken: taken.map(({ call, afterMs }) => `${call.kind} ${call.key} at ${afterMs}`) };
}

describe('tries', () => {
  const fresh = of('not yet tried');
  const times = (count: number, outcome: Outcome) => Array.from({ length: count }, () => outcome);

  test('what is declined for now is tried under new keys after 1, 2 and 4 s, then it has failed', () => {
    const { payment, told, taken } = play(fresh, times(9, outcomes['not now']));
    expect(taken).toEqual([
      'CHARGE o-1:1 at 0',
      'CHARGE o-1:2 at 1000',
      'CHARGE o-1:3 at 3000',
      'CHARGE o-1:4 at 7000',
    ]);
    expect(payment).toMatchObject({ state: 'FAILED', failReason: 'TEMPORARILY_DECLINED' });
    expect(told).toBe('PaymentFailed');
  });

  test('what stays unknown is tried under one key after 1, 2 and 4 s, then voided every 30 s until it is certain', () => {
    const { payment, told, taken } = play(fresh, [...times(6, outcomes.unknown), outcomes.voided]);
    expect(taken).toEqual([
      'CHARGE o-1:1 at 0',
      'CHARGE o-1:1 at 1000',
      'CHARGE o-1:1 at 3000',
      'CHARGE o-1:1 at 7000',
      'VOID o-1:1 at 7000',
      'VOID o-1:1 at 37000',
      'VOID o-1:1 at 67000',
    ]);
    expect(payment).toMatchObject({ state: 'FAILED', failReason: 'UNSETTLED', nextAttemptTime: undefined });
    expect(told).toBe('PaymentFailed');
  });

  test('a gateway that cannot be reached costs no try, however long', () => {
    const { payment, taken } = play(fresh, [...times(100, outcomes.unreachable), outcomes.approved]);
    expect(new Set(taken.map((line) => line.split(' at ')[0]))).toEqual(new Set(['CHARGE o-1:1']));
    expect(payment).toMatchObject({ state: 'PROCESSED', tries: 1 });
  });

  test('unknown, then declined for now: only the next key is tried', () => {
    const { taken } = play(fresh, [outcomes.unknown, outcomes['not now'], outcomes.approved]);
    expect(taken.map((line) => line.split(' ')[1])).toEqual(['o-1:1', 'o-1:1', 'o-1:2']);
  });

  test('a refund is asked for under its own key until it is done', () => {
    const { payment, told, taken } = play(of('refunding, cancelled'), [
      outcomes.unknown,
      outcomes.unreachable,
      { kind: 'refunded' },
    ]);
    expect(taken).toEqual([
      'REFUND o-1:refund at 0',
      'REFUND o-1:refund at 30000',
      'REFUND o-1:refund at 31000',
    ]);
    expect([payment.state, told]).toEqual(['REFUNDED', 'PaymentRefunded']);
  });

  test('what the gateway refuses is asked for at a slow pace, and ends by itself when it is done after all', () => {
    const { refused, unreachable, unknown } = outcomes;
    const answers = [refused, unreachable, unknown, refused, { kind: 'refunded' }] as const;
    const { payment, told, taken } = play(of('refunding, completed'), answers);
    expect(taken.map((line) => line.split(' at ')[1])).toEqual([
      '0',
      '600000',
      '601000',
      '631000',
      '1231000',
    ]);
    expect(payment).toMatchObject({ state: 'REFUNDED', problem: '', settleTime: undefined });
    expect(told).toBe('PaymentRefunded');
  });

  test('a problem stays until the gateway has done it; its last word is "no" only after a refusal', () => {
    const after = (...answers: Outcome[]) => {
      const { payment } = play(of('refunding, completed'), answers);
      return [payment.problem, isRefused(payment)];
    };
    const { refused, unreachable, unknown } = outcomes;
    expect(after(unknown)).toEqual(['', false]);
    expect(after(refused)).toEqual(['CHARGE_NOT_REFUNDABLE', true]);
    expect(after(refused, unreachable, unreachable)).toEqual(['CHARGE_NOT_REFUNDABLE', true]);
    expect(after(refused, unknown)).toEqual(['CHARGE_NOT_REFUNDABLE', false]);
    expect(after(refused, unknown, unreachable)).toEqual(['CHARGE_NOT_REFUNDABLE', false]);
  });

  test('a call that is never recorded is due again when it would be after a time-out', () => {
    const begun = on('not yet tried', { kind: 'due' });
    expect(begun.next?.nextAttemptTime).toEqual(later(5_000 + 1_000));
    const lastTry = { ...of('tried, outcome unknown'), tries: 4, nextAttemptTime: now };
    expect(decide(lastTry, { kind: 'due' }, 'o-1', now, terms)).toMatchObject({
      next: { state: 'SETTLING' },
      call: { kind: 'VOID', key: 'o-1:1' },
    });
  });

  test('while a later call is under way, an older one that stayed unknown does not bring it forward', () => {
    const second = { ...of('tried, outcome unknown'), tries: 2, unknown: 2, attempts: 2 };
    expect(decide(second, called(outcomes.unknown), 'o-1', now, terms).next).toBe(second);
    expect(decide(second, called(outcomes.unreachable), 'o-1', now, terms).next).toEqual({
      ...second,
      tries: 1,
      unknown: 1,
    });
  });
});

test('what costs nothing is paid without asking the gateway', () => {
  const { next, answer } = on('not heard of', { ...reserved, amount: 0n });
  expect([next?.state, next?.nextAttemptTime, answer]).toEqual(['PROCESSED', undefined, 'PaymentProcessed']);
});

describe('what was settled by hand', () => {
  test('says who, why and when', () => {
    expect(on('refunding, refused', events['settle by hand']).next).toMatchObject({
      settleReason: 'bank transfer',
      settleCallerId: 'me',
      settleTime: now,
      problem: '',
      nextAttemptTime: undefined,
    });
  });

  test('is not undone by the gateway, and somebody hears of it when money moves after all', () => {
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

test('a refund says who asked for it, why and when', () => {
  expect(on('completed', events.refund).next).toMatchObject({
    refundReason: 'broken',
    refundCallerId: 'me',
    refundTime: now,
  });
});
