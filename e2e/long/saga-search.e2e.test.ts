import { sagaTable } from '@orderflow/order/domain/saga';
import { expect, test } from 'vitest';
import { searchAll, shownTrace } from '../src/search/breadth-first.ts';
import { sagaSpace } from '../src/search/saga-space.ts';
import type { Budget } from '../src/search/world.ts';

const nothing: Budget = { repeats: 0, cancels: 0, deadlines: 0, faults: 0, refunds: 0, forgeries: 0 };

// As test/saga-search.unit.test.ts, with budgets for which a search takes minutes.
test.each<[string, Partial<Budget>, { isUpgraded: boolean }?]>([
  [
    'an order whose payment is upgraded after OrderAccepted, with a cancel and a fault',
    { cancels: 1, faults: 1 },
    { isUpgraded: true },
  ],
  ['an order that is cancelled anywhere, with two faults', { cancels: 1, faults: 2 }],
  ['an order with three faults', { faults: 3 }],
  ['an order whose deadlines fire anywhere, with a fault', { deadlines: 2, faults: 1 }],
  ['an order to which everything happens once', { repeats: 1, cancels: 1, deadlines: 1, faults: 1 }],
  ['an order with forged reservations while its deadlines fire', { forgeries: 1, deadlines: 1 }],
  ['an order with a forged reservation, a cancel and a fault', { forgeries: 1, cancels: 1, faults: 1 }],
])('%s', (name, budget, more = { isUpgraded: false }) => {
  const world = { orders: 1, pieces: 1, table: sagaTable, budget: { ...nothing, ...budget }, ...more };
  const { states, ends, trace } = searchAll(sagaSpace(world));
  console.log(`${name}: ${states} states seen, ${ends} of them ends`);
  expect(trace && shownTrace(trace)).toBeUndefined();
  expect(ends).toBeGreaterThan(1);
});
