import { afterAll, beforeAll, describe, test } from 'vitest';
import { consumerPoints, killTwiceAt, startForKilling } from '../src/killed-at.ts';
import type { ServiceName } from '../src/system.ts';
import type { Whole } from '../src/whole.ts';

/** Between every two durable steps of a process there is a point at which it can be killed. */
const points = {
  inventory: [
    ...consumerPoints,
    'relay-after-ack',
    'inventory-after-reserve-transaction',
    'inventory-after-refuse-transaction',
    'inventory-after-release-transaction',
    'inventory-after-commit-transaction',
    'inventory-after-stock-transaction',
  ],
  payment: [
    ...consumerPoints,
    'relay-after-ack',
    'payment-after-intake',
    'payment-after-attempt-written',
    'payment-after-charge',
    'payment-before-settle',
    'payment-after-void',
    'payment-after-refund',
    'payment-after-record',
  ],
} as const satisfies Partial<Record<ServiceName, readonly string[]>>;

let whole: Whole;

beforeAll(async () => {
  whole = await startForKilling('whole-crash-points-participants');
});
afterAll(async () => {
  await whole?.[Symbol.asyncDispose]();
});

describe.for(Object.entries(points) as [ServiceName, readonly string[]][])(
  'stock and money add up when %s is killed',
  ([name, named]) => {
    test.for(named)('at %s, and again in its recovery', (point) => killTwiceAt(whole, name, point));
  },
);
