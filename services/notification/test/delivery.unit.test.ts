import { describe, expect, test } from 'vitest';
import { begin, type Delivery, end, type Outcome } from '../src/domain/delivery.ts';

const now = new Date('2026-11-30T12:00:00Z');
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);

const ready: Delivery = {
  id: 'o-1.confirmed',
  state: 'READY',
  attempts: 0,
  unknown: 0,
  lastDetail: '',
  sendTime: now,
  giveUpTime: later(86_400),
};
const as = (kind: Outcome['kind']): Outcome => ({ kind, detail: kind });

/** The delivery after attempts with these outcomes, each begun when it was due; `lost`: the outcome is not recorded. */
function after(...outcomes: readonly (Outcome['kind'] | 'lost')[]): Delivery {
  return outcomes.reduce((delivery, kind) => {
    const begun = begin(delivery, delivery.sendTime ?? now);
    if (kind === 'lost') return begun;
    return end(begun, begun.attempts, as(kind), delivery.sendTime ?? now);
  }, ready);
}

describe('an attempt', () => {
  test('is due again after ten minutes, should its outcome never be recorded', () => {
    expect(begin(ready, now)).toEqual({ ...ready, state: 'SENDING', attempts: 1, sendTime: later(600) });
  });

  test('ends the mail when it is accepted or refused', () => {
    expect(after('accepted')).toMatchObject({ state: 'SENT', attempts: 1, sendTime: undefined });
    expect(after('refused')).toMatchObject({ state: 'FAILED', lastDetail: 'refused', sendTime: undefined });
  });

  test.each(['deferred', 'unreachable'] as const)('that is %s is repeated, later each time', (kind) => {
    const delays: number[] = [];
    let delivery = ready;
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      const at = delivery.sendTime ?? now;
      const begun = begin(delivery, at);
      delivery = end(begun, begun.attempts, as(kind), at);
      expect(delivery.state).toBe('READY');
      delays.push(((delivery.sendTime?.getTime() ?? 0) - at.getTime()) / 1000);
    }
    expect(delays).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
  });

  test('is not made when the time for it is over', () => {
    const late = { ...ready, lastDetail: '451 later' };
    expect(begin(late, later(86_400))).toMatchObject({
      state: 'FAILED',
      attempts: 0,
      lastDetail: 'not accepted in time: 451 later',
    });
    expect(begin({ ...late, unknown: 1 }, later(86_400)).lastDetail).toBe(
      'one attempt may have delivered it: not accepted in time: 451 later',
    );
  });
});

describe('an unknown outcome', () => {
  test.each([['unknown'], ['lost']] as const)('%s: one repeat, ten minutes later', (kind) => {
    const once = after(kind);
    expect(once.sendTime).toEqual(later(600));
    expect(begin(once, later(600))).toMatchObject({ state: 'SENDING', attempts: 2, unknown: 1 });
  });

  test.each([
    [['unknown', 'unknown']],
    [['unknown', 'deferred', 'unknown']],
    [['deferred', 'unknown', 'unreachable', 'unknown']],
  ] as const)('%s: no third copy', (outcomes) => {
    expect(after(...outcomes)).toMatchObject({ state: 'FAILED', unknown: 2, sendTime: undefined });
  });

  test('of two attempts that were never recorded is found when the mail is due again', () => {
    const failed = begin(after('lost', 'lost'), later(1_200));
    expect(failed).toMatchObject({ state: 'FAILED', attempts: 2 });
    expect(failed.lastDetail).toBe('two attempts may have delivered it: the outcome was not recorded');
  });

  test('leaves the mail to what the repeat says', () => {
    expect(after('unknown', 'accepted').state).toBe('SENT');
    expect(after('lost', 'deferred', 'accepted')).toMatchObject({ state: 'SENT', attempts: 3 });
    expect(after('lost', 'refused')).toMatchObject({
      state: 'FAILED',
      lastDetail: 'one attempt may have delivered it: refused',
    });
  });
});

describe('an outcome that comes after the next attempt has begun', () => {
  const second = begin(after('lost'), later(600));

  test('counts if the mail was accepted: there is no repeat of it', () => {
    expect(end(second, 1, as('accepted'), later(601)).state).toBe('SENT');
  });

  test.each(['deferred', 'refused', 'unknown', 'unreachable'] as const)(
    'does not count if it is %s',
    (kind) => {
      expect(end(second, 1, as(kind), later(601))).toBe(second);
    },
  );

  test('changes nothing that has ended', () => {
    for (const ended of [after('accepted'), after('refused')]) {
      expect(end(ended, 1, as('accepted'), later(1))).toBe(ended);
    }
  });
});
