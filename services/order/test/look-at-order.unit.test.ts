import { describe, expect, test, vi } from 'vitest';
import type { Customer, Lookup } from '../src/domain/enrichment.ts';
import { referenceKey, type SubmittedLine } from '../src/domain/submission.ts';
import type { Enrichment, Stock } from '../src/ports.ts';
import { judgeAll } from '../src/use-cases/judge-all.ts';
import { createLookAtOrder } from '../src/use-cases/look-at-order.ts';
import { bySku, copied, customer, found, knownProduct, line, now, submission, terms } from './kit.ts';

const never = <T>() => new Promise<T>(() => {});

/** Everybody and everything is known, and there are 15 of each. */
function looking({
  customers = async () => found(customer()),
  products = async (references) =>
    new Map(references.map((reference) => [referenceKey(reference), knownProduct(reference)])),
  available = async (ids) => new Map(ids.map((id) => [id, 15n])),
  onTrouble = (error) => {
    throw error;
  },
}: {
  customers?: (options: { fresh: boolean }) => Promise<Lookup<Customer>>;
  products?: Enrichment['products'];
  available?: Stock['available'];
  onTrouble?: (error: unknown) => void;
} = {}) {
  const asked: string[][] = [];
  const enrichment: Enrichment = {
    customers: async ([id], options) => new Map(id === undefined ? [] : [[id, await customers(options)]]),
    products,
  };
  const look = createLookAtOrder({
    judge: async (sent) => (await judgeAll([sent], enrichment, terms, now)).get(sent),
    stock: {
      available: (ids) => {
        asked.push([...ids]);
        return available(ids);
      },
    },
    onTrouble,
  });
  return { asked, look: (lines: SubmittedLine[], limitMs = 1_000) => look(submission({ lines }), limitMs) };
}

test('a good order is priced, and nothing is wrong with it', async () => {
  const { judged, violations, cause } = await looking().look([line({ quantity: 15 })]);
  expect(judged?.decision).toMatchObject({ outcome: 'ACCEPTED', total: 1_619_984n });
  expect([violations, cause]).toEqual([[], undefined]);
});

test('stock is asked at once for products named by their id, and for the others when they are known', async () => {
  const { asked, look } = looking();
  await look([line(), line({ reference: bySku('SKU-p-2') }), line({ reference: bySku('SKU-p-1') })]);
  expect(asked).toEqual([['p-1'], ['p-2']]);
});

test('a "no" that only a copy says is asked for again before it counts', async () => {
  const asked: boolean[] = [];
  const { look } = looking({
    async customers({ fresh }) {
      asked.push(fresh);
      return fresh ? found(customer()) : copied(customer({ active: false }));
    },
  });
  expect((await look([line()])).violations).toEqual([]);
  expect(asked).toEqual([false, true]);
});

describe('when time is up', () => {
  test('it answers what it has: the rejection, if stock is late', async () => {
    vi.useFakeTimers();
    const { look } = looking({ customers: async () => ({ status: 'not_found' }), available: never });
    const answer = look([line()], 150);
    await vi.advanceTimersByTimeAsync(150);
    expect((await answer).violations).toMatchObject([{ type: 'CUSTOMER_NOT_FOUND' }]);
    vi.useRealTimers();
  });

  test('it answers what it has: the shortage, if customers are late', async () => {
    vi.useFakeTimers();
    const { look } = looking({ customers: never });
    const answer = look([line({ quantity: 16 }), line({ reference: bySku('SKU-p-1') })], 150);
    await vi.advanceTimersByTimeAsync(150);
    expect(await answer).toMatchObject({
      judged: undefined,
      violations: [{ description: 'Not enough inventory for p-1. Available: 15, Requested: 16' }],
      cause: 'customer and products could not be read in time',
    });
    vi.useRealTimers();
  });

  test('it does not wait 150 ms for each of the two', async () => {
    vi.useFakeTimers();
    const slow = <T>(value: T) => new Promise<T>((resolve) => setTimeout(resolve, 100, value));
    const { look } = looking({ customers: () => slow(found(customer())), available: () => slow(new Map()) });
    let answered = false;
    const answer = look([line({ reference: bySku('SKU-p-1') })], 150).then((result) => {
      answered = true;
      return result;
    });
    await vi.advanceTimersByTimeAsync(149);
    expect(answered).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect((await answer).judged?.decision.outcome).toBe('ACCEPTED');
    vi.useRealTimers();
  });
});

test.each<[string, Lookup<Customer>]>([
  ['down', { status: 'unavailable', cause: 'connection refused' }],
  ['answering wrongly', { status: 'invalid', cause: 'the answer is about c-2' }],
])('an API that is %s says nothing against an order', async (_, lookup) => {
  const { look } = looking({ customers: async () => lookup });
  expect(await look([line()])).toEqual({
    judged: undefined,
    violations: [],
    cause: 'cause' in lookup ? lookup.cause : '',
  });
});

test('a look that breaks is reported, and says nothing against an order but what stock says', async () => {
  const trouble: unknown[] = [];
  const bug = new TypeError('x is not a function');
  const { look } = looking({
    customers: () => Promise.reject(bug),
    onTrouble: (error) => trouble.push(error),
  });
  const cause = 'customer and products could not be read';
  expect(await look([line()])).toEqual({ judged: undefined, violations: [], cause });
  expect(trouble).toEqual([bug]);
  expect(await look([line({ quantity: 16 })])).toMatchObject({
    violations: [{ type: 'OUT_OF_STOCK' }],
    cause,
  });
});

test('stock that is not answered says nothing against an order', async () => {
  const { look } = looking({ available: async () => new Map() });
  expect((await look([line({ quantity: 10_000 })])).violations).toEqual([]);
});
