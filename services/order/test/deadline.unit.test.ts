import { expect, test } from 'vitest';
import { type DueOrder, inputOf, type ParticipantStatus } from '../src/domain/deadline.ts';

const minutes = (n: number) => new Date(n * 60_000);
const behind: ParticipantStatus = { kind: 'behind', group: 'inventory', topic: 'order-events', partition: 2 };
const upToDate = (since: number, readUpTo = 60): ParticipantStatus => ({
  kind: 'up_to_date',
  since: minutes(since),
  readUpTo: minutes(readUpTo),
});

/** An order that was asked for again at minute 15 and is due at minute 30; what its deadline means at minute 31. */
function meaning(change: Partial<DueOrder>, participantStatus: ParticipantStatus, before = 31) {
  const due: DueOrder = {
    orderId: 'o-1',
    state: 'ACCEPTED',
    dueTime: minutes(30),
    requeryTime: minutes(15),
    firstRequeryTime: minutes(15),
    needsAttention: undefined,
    ...change,
  };
  return inputOf(due, () => participantStatus, {
    before: minutes(before),
    orderMs: 1_800_000,
    settleMs: 600_000,
  })?.kind;
}

test.each(['ACCEPTED', 'RESERVED'] as const)('an order that is %s is cancelled once', (state) => {
  // The participant that is to reply has read the requery at once.
  expect(meaning({ state }, upToDate(14))).toBe('EndDeadline');
  // It was behind after that.
  expect(meaning({ state }, upToDate(15))).toBe('RequeryDeadline');
  expect(meaning({ state }, upToDate(29))).toBe('RequeryDeadline');
  // No poll since has shown whether it has read the requery.
  expect(meaning({ state }, upToDate(14, 15))).toBeUndefined();
  expect(meaning({ state }, { kind: 'unknown' })).toBeUndefined();
  expect(meaning({ state }, behind)).toBeUndefined();
});

test('a person is called once it is postponed for longer than that, and only once', () => {
  expect(meaning({}, behind, 40)).toBeUndefined();
  expect(meaning({}, behind, 41)).toBe('ParticipantBehind');
  expect(meaning({ needsAttention: 'PARTICIPANT_BEHIND' }, behind, 1_000)).toBeUndefined();
  expect(meaning({ needsAttention: 'PARTICIPANT_BEHIND' }, upToDate(50), 51)).toBe('RequeryDeadline');
});

test('an order needs attention, once, when a participant was behind in every half of the deadline', () => {
  const again = { requeryTime: minutes(30), dueTime: minutes(45) };
  expect(meaning(again, upToDate(31), 40)).toBe('RequeryDeadline');
  expect(meaning(again, upToDate(31), 41)).toBe('ParticipantBehind');
  const flagged = { ...again, needsAttention: 'PARTICIPANT_BEHIND' };
  expect(meaning(flagged, upToDate(31), 41)).toBe('RequeryDeadline');
  // Requeried once, however long ago: the saga itself may have been down.
  expect(meaning({ dueTime: minutes(30) }, upToDate(100, 110), 120)).toBe('RequeryDeadline');
  // It has had its half of the deadline, whatever was before.
  expect(meaning(again, upToDate(29), 46)).toBe('EndDeadline');
});

test('whatever does not cancel is not postponed', () => {
  expect(meaning({ requeryTime: undefined }, behind)).toBe('RequeryDeadline');
  expect(meaning({ state: 'PENDING', requeryTime: undefined }, behind)).toBe('DecisionDeadline');
  expect(meaning({ state: 'CONFIRMED' }, behind)).toBe('EndDeadline');
  expect(meaning({ state: 'CANCELLING' }, { kind: 'unknown' })).toBe('EndDeadline');
});
