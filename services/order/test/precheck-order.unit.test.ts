import { describe, expect, test, vi } from 'vitest';
import type { Customer, Lookup } from '../src/domain/enrichment.ts';
import { referenceKey, type SubmittedLine } from '../src/domain/submission.ts';
import type { Enrichment, Stock } from '../src/ports.ts';
import { judgeAll } from '../src/use-cases/judge-all.ts';
import { createPrecheckOrder } from '../src/use-cases/precheck-order.ts';
import { bySku, copied, customer, found, knownProduct, line, submission, terms } from './kit.ts';

const never = <T>() => new Promise<T>(() => {});

/** All customers and products are known, and 15 of each product are available. */
function prechecking({
  customers = async () => found(customer()),
  products = async (references) =>
    new Map(references.map((reference) => [referenceKey(reference), knownProduct(reference)])),
  available = async (ids) => new Map(ids.map((id) => [id, 15n])),
  onError = (error) => {
    throw error;
  },
}: {
  customers?: (options: { fresh: boolean }) => Promise<Lookup<Customer>>;
  products?: Enrichment['products'];
  available?: Stock['available'];
  onError?: (error: unknown) => void;
} = {}) {
  const asked: string[][] = [];
  const enrichment: Enrichment = {
    customers: async ([id], options) => new Map(id === undefined ? [] : [[id, await customers(options)]]),
    products,
  };
  const precheck = createPrecheckOrder({
    judge: async (sent) => (await judgeAll([sent], enrichment, terms)).get(sent),
    stock: {
      available: (ids) => {
        asked.push([...ids]);
        return available(ids);
      },
    },
    onError,
  });
  return {
    asked,
    precheck: (lines: SubmittedLine[], limitMs = 1_000) => precheck(submission({ lines }), limitMs),
  };
}

test('a good order is priced, and nothing is wrong with it', async () => {
  const { judged, violations, cause } = await prechecking().precheck([line({ quantity: 15 })]);
  expect(judged?.decision).toMatchObject({ outcome: 'ACCEPTED', total: 1_619_984n });
  expect([violations, cause]).toEqual([[], undefined]);
});

test('stock is asked at once for products named by their id, and for the others when they are known', async () => {
  const { asked, precheck } = prechecking();
  await precheck([line(), line({ reference: bySku('SKU-p-2') }), line({ reference: bySku('SKU-p-1') })]);
  expect(asked).toEqual([['p-1'], ['p-2']]);
});

test('a "no" that only a cache entry says is asked for again before it counts', async () => {
  const asked: boolean[] = [];
  const { precheck } = prechecking({
    async customers({ fresh }) {
      asked.push(fresh);
      return fresh ? found(customer()) : copied(customer({ active: false }));
    },
  });
  expect((await precheck([line()])).violations).toEqual([]);
  expect(asked).toEqual([false, true]);
});

describe('when time is up', () => {
  test('it returns what it has: the rejection, if inventory is late', async () => {
    vi.useFakeTimers();
    const { precheck } = prechecking({ customers: async () => ({ status: 'not_found' }), available: never });
    const response = precheck([line()], 150);
    await vi.advanceTimersByTimeAsync(150);
    expect((await response).violations).toMatchObject([{ type: 'CUSTOMER_NOT_FOUND' }]);
    vi.useRealTimers();
  });

  test('it returns what it has: the shortage, if customers are late', async () => {
    vi.useFakeTimers();
    const { precheck } = prechecking({ customers: never });
    const response = precheck([line({ quantity: 16 }), line({ reference: bySku('SKU-p-1') })], 150);
    await vi.advanceTimersByTimeAsync(150);
    expect(await response).toMatchObject({
      judged: undefined,
      violations: [{ description: 'Not enough inventory for p-1. Available: 15, Requested: 16' }],
      cause: 'customer and products could not be read in time',
    });
    vi.useRealTimers();
  });

  test('it does not wait 150 ms for each of the two', async () => {
    vi.useFakeTimers();
    const slow = <T>(value: T) => new Promise<T>((resolve) => setTimeout(resolve, 100, value));
    const { precheck } = prechecking({
      customers: () => slow(found(customer())),
      available: () => slow(new Map()),
    });
    let settled = false;
    const response = precheck([line({ reference: bySku('SKU-p-1') })], 150).then((result) => {
      settled = true;
      return result;
    });
    await vi.advanceTimersByTimeAsync(149);
    expect(settled).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect((await response).judged?.decision.outcome).toBe('ACCEPTED');
    vi.useRealTimers();
  });
});

test.each<[string, Lookup<Customer>]>([
  ['down', { status: 'unavailable', cause: 'connection refused' }],
  ['answering wrongly', { status: 'invalid', cause: 'the response is about c-2' }],
])('an API that is %s says nothing against an order', async (_, lookup) => {
  const { precheck } = prechecking({ customers: async () => lookup });
  expect(await precheck([line()])).toEqual({
    judged: undefined,
    violations: [],
    cause: 'cause' in lookup ? lookup.cause : '',
  });
});

test('a failed precheck is reported, and only the result of inventory counts', async () => {
  const reportedError: unknown[] = [];
  const bug = new TypeError('x is not a function');
  const { precheck } = prechecking({
    customers: () => Promise.reject(bug),
    onError: (error) => reportedError.push(error),
  });
  const cause = 'customer and products could not be read';
  expect(await precheck([line()])).toEqual({ judged: undefined, violations: [], cause });
  expect(reportedError).toEqual([bug]);
  expect(await precheck([line({ quantity: 16 })])).toMatchObject({
    violations: [{ type: 'OUT_OF_STOCK' }],
    cause,
  });
});

test('missing stock responses do not count against an order', async () => {
  const { precheck } = prechecking({ available: async () => new Map() });
  expect((await precheck([line({ quantity: 10_000 })])).violations).toEqual([]);
});
