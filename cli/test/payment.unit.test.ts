import { expect, test } from 'vitest';
import { type AttemptRow, payment, stateSince } from '../src/orders/payment.ts';
import type { Stores } from '../src/stores.ts';
import { answering } from './fake-stores.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 10, 28, 12, minute));
const attempt = (kind: string, outcome: string | null, from: number): AttemptRow => ({
  key: 'o-1:1',
  kind,
  outcome,
  detail: null,
  create_time: at(from),
  end_time: outcome === null ? null : at(from + 1),
});

test.each<[string, AttemptRow[], number]>([
  ['PENDING', [], 0],
  ['PENDING', [attempt('CHARGE', 'unknown', 2)], 0],
  // The row has changed since: the order was completed.
  ['PROCESSED', [attempt('CHARGE', 'unknown', 2), attempt('CHARGE', 'approved', 4)], 5],
  // What costs nothing is paid without a call.
  ['PROCESSED', [], 50],
  ['SETTLING', [attempt('CHARGE', 'unknown', 2), attempt('VOID', null, 6)], 6],
  [
    'REFUNDING',
    [attempt('CHARGE', 'approved', 2), attempt('REFUND', 'refused', 20), attempt('REFUND', null, 30)],
    20,
  ],
  ['REFUNDED', [attempt('CHARGE', 'approved', 2), attempt('REFUND', 'refunded', 20)], 21],
  ['FAILED', [attempt('CHARGE', 'declined', 2)], 3],
  ['VOIDED', [], 50],
])('%s since: %#', (state, attempts, minute) => {
  expect(stateSince({ state, create_time: at(0), update_time: at(50) }, attempts)).toEqual(at(minute));
});

test.each([
  ['OrderAccepted', 'waits for InventoryReserved (topic inventory-events).'],
  ['InventoryReserved', 'waits for OrderAccepted (topic order-events).'],
])('a charge of which payment has read %s says what it waits for', async (heard, waits) => {
  const row = { heard, amount: '216', currency: 'USD', create_time: at(3) };
  const said = await payment({ payment: answering({ waiting_charge: [row] }) } as unknown as Stores, 'o-1');
  expect(said).toContain(`It has read ${heard} 2026-11-28 12:03:00.000Z and ${waits}`);
  expect(said).toContain('2.16');
});

test('of what payment has not read at all it says so', async () => {
  const said = await payment({ payment: answering({}) } as unknown as Stores, 'o-1');
  expect(said).toBe('Payment: none.');
});
