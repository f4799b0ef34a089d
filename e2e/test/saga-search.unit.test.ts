import { type Rule, type SagaInputKind, type SagaState, sagaTable } from '@orderflow/order/domain/saga';
import { describe, expect, test } from 'vitest';
import { searchAll, shownTrace } from '../src/search/breadth-first.ts';
import { sagaSpace } from '../src/search/saga-space.ts';
import type { Budget, Setting, World } from '../src/search/world.ts';

// The saga's own table, and the rules that inventory and payment run, in every order in which things can happen to a
// few orders. Records of one order are in order per topic, as on Kafka; everything else may be interleaved. Beyond
// that, as often as the budget allows (more of it in long/saga-search.e2e.test.ts): records that come twice or early,
// a cancel or a deadline anywhere, processes that die or freeze around a call to the gateway, replies that are lost,
// calls that never arrive or arrive late.

const nothing: Budget = { repeats: 0, cancels: 0, deadlines: 0, faults: 0, refunds: 0, forgeries: 0 };

function setting(change: Partial<Budget>, more: Partial<Setting> = {}): Setting {
  return { orders: 1, pieces: 1, table: sagaTable, ...more, budget: { ...nothing, ...change } };
}

const forged = 'an order with forged reservations anywhere';
const upgraded = 'an order whose payment is upgraded after OrderAccepted, with a cancel';

const worlds: Record<string, Setting> = {
  'an order alone': setting({}),
  'an order that is cancelled anywhere, with a fault': setting({ cancels: 1, faults: 1 }),
  'an order with two faults': setting({ faults: 2 }),
  'an order whose deadline fires anywhere, with a fault': setting({ deadlines: 1, faults: 1 }),
  'an order that is cancelled while its deadlines fire': setting({ cancels: 1, deadlines: 2 }),
  'an order that asks twice in each state': setting({ deadlines: 4 }),
  'an order with records that come twice or early, and a cancel': setting({ repeats: 2, cancels: 1 }),
  'an order with a record that comes twice or early, a cancel and a fault': setting({
    repeats: 1,
    cancels: 1,
    faults: 1,
  }),
  'an order that is refunded after completion, with a repeat and a fault': setting({
    refunds: 1,
    repeats: 1,
    faults: 1,
    cancels: 1,
  }),
  'an order for which there is no stock': setting({ cancels: 1, deadlines: 1, repeats: 1 }, { pieces: 0 }),
  'two orders for one piece': setting({}, { orders: 2 }),
  'two orders for one piece, one of which is cancelled anywhere': setting({ cancels: 1 }, { orders: 2 }),
  'two orders for one piece, with a record that comes twice or early, and a cancel': setting(
    { repeats: 1, cancels: 1 },
    { orders: 2 },
  ),
  [forged]: setting({ forgeries: 1 }),
  [upgraded]: setting({ cancels: 1 }, { isUpgraded: true }),
  'two orders for two pieces, with a fault': setting({ faults: 1 }, { orders: 2, pieces: 2 }),
};

describe('no state is charged and neither confirmed nor being undone, none has less than nothing in stock, none is without an end:', () => {
  test.each(Object.entries(worlds))('%s', (name, world) => {
    const { states, ends, trace } = searchAll(sagaSpace(world));
    console.log(`${name}: ${states} states seen, ${ends} of them ends`);
    expect(trace && shownTrace(trace)).toBeUndefined();
    expect(ends).toBeGreaterThan(1);
  });
});

describe('a mistake in the table is found, with the way that leads to it:', () => {
  const apply = (
    to: SagaState,
    ...publishes: Extract<Rule, { kind: 'apply' }>['publishes'][number][]
  ): Rule => ({
    kind: 'apply',
    to,
    publishes,
  });
  const broken = (state: SagaState, inputKind: SagaInputKind, rule: Rule): typeof sagaTable => ({
    ...sagaTable,
    [state]: { ...sagaTable[state], [inputKind]: rule },
  });

  test.each<[string, SagaState, SagaInputKind, Rule, RegExp]>([
    [
      'a cancel that does not wait for anything to be undone',
      'RESERVED',
      'Cancel',
      apply('CANCELLED', 'OrderCancelled'),
      /CANCELLED, but (charged|its reservation is RESERVED)$/,
    ],
    [
      'a cancel that does not wait for the money',
      'CANCELLING',
      'InventoryReleased',
      apply('CANCELLED', 'OrderCancelled'),
      /CANCELLED, but charged$/,
    ],
    [
      'a cancel that does not wait for the stock',
      'CANCELLING',
      'PaymentVoided',
      apply('CANCELLED', 'OrderCancelled'),
      /CANCELLED, but its reservation is RESERVED$/,
    ],
    [
      'a late payment that revives a cancelled order',
      'CANCELLING',
      'PaymentProcessed',
      apply('CONFIRMED', 'OrderConfirmed'),
      /CONFIRMED, but nothing is charged|contradict/,
    ],
    [
      'a paid order that can be cancelled',
      'CONFIRMED',
      'Cancel',
      apply('CANCELLING', 'OrderCancelRequested'),
      /contradict/,
    ],
    [
      'short stock without a reaction',
      'ACCEPTED',
      'InventoryUnavailable',
      { kind: 'done' },
      /no end is reachable by progress$/,
    ],
    [
      'a failed payment without a reaction',
      'RESERVED',
      'PaymentFailed',
      { kind: 'done' },
      /no end is reachable by progress$/,
    ],
  ])('%s', (name, state, inputKind, rule, problem) => {
    const table = broken(state, inputKind, rule);
    const pieces = inputKind === 'InventoryUnavailable' ? 0 : 1;
    const { trace } = searchAll(sagaSpace(setting({ cancels: 1 }, { table, pieces })));
    console.log(`${name}:\n${trace && shownTrace(trace)}`);
    expect(trace?.problem).toMatch(problem);
    expect(trace?.steps.length).toBeGreaterThan(0);
  });
});

test.each([forged, upgraded])('%s can be completed', (name) => {
  const isCompleted = ({ orders }: World) => orders.every(({ order }) => order.sagaState === 'COMPLETED');
  const space = sagaSpace(worlds[name] ?? setting({}));
  const { trace } = searchAll({
    ...space,
    problem: (world) => (isCompleted(world) ? 'COMPLETED' : undefined),
  });
  expect(trace?.problem).toBe('COMPLETED');
});
