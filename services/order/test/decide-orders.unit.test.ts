import { describe, expect, test } from 'vitest';
import type { EnrichedOrder } from '../src/domain/enriched-order.ts';
import type { Customer, Lookup, Product } from '../src/domain/enrichment.ts';
import { referenceKey, type Submission } from '../src/domain/submission.ts';
import type { Candidate, Enrichment, OrderDocuments, OrderStore, Settled } from '../src/ports.ts';
import { createDecideOrders, type Outcome, type ReceivedOrder } from '../src/use-cases/decide-orders.ts';
import {
  byId,
  copied,
  customer,
  found,
  knownProduct,
  line,
  now,
  productOf,
  source,
  submission,
  terms,
} from './kit.ts';

type Stored = { contentHash: Uint8Array } & ({ order: EnrichedOrder } | { state: 'PENDING' | 'CANCELLED' });

/** The contract of the order store, in memory; the real one is held to it in order-store.int.test.ts. */
function memoryStore() {
  const rows = new Map<string, Stored>();
  const batches: Candidate[][] = [];
  const store: OrderStore = {
    async decide(candidates) {
      batches.push([...candidates]);
      const settled = new Map<string, Settled>();
      for (const [id, ofId] of Map.groupBy(candidates, ({ orderId }) => orderId)) {
        const row = rows.get(id);
        if (row !== undefined && 'order' in row) {
          settled.set(id, { kind: 'decided', contentHash: row.contentHash, order: row.order });
          continue;
        }
        if (row?.state === 'CANCELLED') {
          settled.set(id, { kind: 'closed', contentHash: row.contentHash });
          continue;
        }
        const candidate = row
          ? ofId.find(({ contentHash }) => Buffer.compare(contentHash, row.contentHash) === 0)
          : ofId[0];
        const decision = candidate?.decision;
        if (candidate === undefined || decision === undefined) {
          if (row) settled.set(id, { kind: 'open', contentHash: row.contentHash });
          continue;
        }
        const { contentHash } = candidate;
        if ('invalid' in decision) {
          rows.set(id, { contentHash, state: 'PENDING' });
          settled.set(id, { kind: 'invalid', contentHash, cause: decision.invalid });
        } else {
          const order = { ...decision, decideTime: now };
          rows.set(id, { contentHash, order });
          settled.set(id, { kind: row ? 'pending' : 'new', contentHash, order });
        }
      }
      return settled;
    },
  };
  return { rows, batches, store };
}

/** An enrichment that knows everybody and everything, but for what a test says otherwise. */
function world() {
  const asked: { fresh: boolean; keys: string[] }[] = [];
  const customers = {
    cacheEntry: new Map<string, Lookup<Customer>>(),
    api: new Map<string, Lookup<Customer>>(),
  };
  const products = {
    cacheEntry: new Map<string, Lookup<Product>>(),
    api: new Map<string, Lookup<Product>>(),
  };
  const enrichment: Enrichment = {
    async customers(ids, { fresh }) {
      asked.push({ fresh, keys: [...ids] });
      const of = (id: string) =>
        (fresh ? undefined : customers.cacheEntry.get(id)) ??
        customers.api.get(id) ??
        found(customer({ customerId: id }));
      return new Map(ids.map((id) => [id, of(id)]));
    },
    async products(references, { fresh }) {
      asked.push({ fresh, keys: references.map(referenceKey) });
      return new Map(
        references.map((reference) => {
          const { value } = reference;
          const cacheEntry = fresh ? undefined : products.cacheEntry.get(value);
          return [referenceKey(reference), cacheEntry ?? products.api.get(value) ?? knownProduct(reference)];
        }),
      );
    },
  };
  const memory = memoryStore();
  const shown: string[][] = [];
  const refuses = new Map<string, string>();
  const documents: OrderDocuments = {
    async show(orders) {
      shown.push(orders.map(({ orderId }) => orderId));
      return new Map([...refuses].filter(([id]) => orders.some(({ orderId }) => orderId === id)));
    },
  };
  const passed: string[] = [];
  const decide = createDecideOrders({
    enrichment,
    store: memory.store,
    documents,
    terms,
    stage: async (name, work) => {
      const result = await work();
      passed.push(name);
      return result;
    },
  });
  return { ...memory, asked, customers, products, shown, refuses, passed, decide };
}

let offset = 0n;
function received(change: Partial<Submission> = {}, bytes = ''): ReceivedOrder {
  offset += 1n;
  return {
    submission: submission(change),
    source: source({ offset }),
    contentType: undefined,
    bytes: Buffer.from(bytes || `record ${offset}`),
    traceparent: undefined,
  };
}

/** An outcome in a word: `ACCEPTED`, `ACCEPTED again`, `waiting` … */
function word(outcome: Outcome): string {
  if (outcome.kind === 'dead_letter') return outcome.reason;
  if (outcome.kind === 'decided') return outcome.order.decision.outcome + (outcome.repeat ? ' again' : '');
  return outcome.kind;
}

async function outcomes(w: ReturnType<typeof world>, ...orders: ReceivedOrder[]): Promise<string[]> {
  return (await w.decide(orders)).map(word);
}

const two = { lines: [line({ quantity: 2 })] };
const ofBad = { customerId: 'c-bad' };
const unavailable = { status: 'unavailable', cause: 'the API is down' } as const;
const invalid = { status: 'invalid', cause: 'nonsense' } as const;

describe('an id is one of five', () => {
  test('new: decided, shown, and published as decided now', async () => {
    const w = world();
    w.customers.api.set('c-bad', { status: 'not_found' });
    expect(await outcomes(w, received({ orderId: 'a' }), received({ orderId: 'b', ...ofBad }))).toEqual([
      'ACCEPTED',
      'REJECTED',
    ]);
    expect(w.shown).toEqual([['a', 'b']]);
    expect(w.passed).toEqual(['enrich', 'decide', 'show']);
  });

  test('pending with the same content: decided when it comes again', async () => {
    const w = world();
    w.customers.api.set('c-bad', invalid);
    expect(await outcomes(w, received(ofBad))).toEqual(['ENRICHMENT_INVALID']);
    expect(w.shown).toEqual([]);
    w.customers.api.delete('c-bad');
    expect(await outcomes(w, received(ofBad))).toEqual(['ACCEPTED']);
  });

  test('decided: the stored decision stands, whatever the enrichment says now, and is shown once more', async () => {
    const w = world();
    await outcomes(w, received());
    w.customers.api.set('c-1', { status: 'not_found' });
    expect(await outcomes(w, received())).toEqual(['ACCEPTED again']);
    w.customers.api.set('c-1', unavailable);
    expect(await outcomes(w, received())).toEqual(['ACCEPTED again']);
    expect(w.shown).toEqual([['o-1'], ['o-1'], ['o-1']]);
  });

  test('closed: there is nothing to do', async () => {
    const w = world();
    await outcomes(w, received());
    const contentHash = w.rows.get('o-1')?.contentHash ?? new Uint8Array();
    w.rows.set('o-1', { contentHash, state: 'CANCELLED' });
    w.shown.length = 0;
    expect(await outcomes(w, received(), received(two))).toEqual(['closed', 'ORDER_ID_CONFLICT']);
    expect(w.shown).toEqual([]);
  });

  test('conflict: other content of a decided id is dead-lettered, and the first is untouched', async () => {
    const w = world();
    await outcomes(w, received());
    const stored = w.rows.get('o-1');
    expect(await outcomes(w, received(two))).toEqual(['ORDER_ID_CONFLICT']);
    expect(w.rows.get('o-1')).toBe(stored);
  });
});

describe('the same id more than once in a batch', () => {
  test('is judged once and is a repeat from its second record on', async () => {
    const w = world();
    expect(await outcomes(w, received(), received(), received({ lines: [line(), line()] }))).toEqual([
      'ACCEPTED',
      'ACCEPTED again',
      'ORDER_ID_CONFLICT',
    ]);
    expect(w.batches[0]).toHaveLength(2);
    expect(w.batches[0]?.[0]?.cause).toMatch(/^orders\/0\/\d+$/);
    expect(w.shown).toEqual([['o-1']]);
  });

  test('belongs to the first content', async () => {
    const w = world();
    expect(await outcomes(w, received(two), received(), received(two))).toEqual([
      'ACCEPTED',
      'ORDER_ID_CONFLICT',
      'ACCEPTED again',
    ]);
  });

  test('content too bad to compare is the same when the bytes are', async () => {
    const w = world();
    const bad = { lines: [line({ quantity: -1 })] };
    expect(await outcomes(w, received(bad, 'x'), received(bad, 'x'), received(bad, 'y'))).toEqual([
      'REJECTED',
      'REJECTED again',
      'ORDER_ID_CONFLICT',
    ]);
  });

  test('waits as a whole while its first record cannot be decided: the id is not given to the second', async () => {
    const w = world();
    w.customers.api.set('c-bad', unavailable);
    const other = received({ orderId: 'other' });
    expect(await outcomes(w, received(ofBad), received(), other)).toEqual(['waiting', 'waiting', 'ACCEPTED']);
    expect(w.rows.has('o-1')).toBe(false);
    w.customers.api.delete('c-bad');
    expect(await outcomes(w, received(ofBad), received())).toEqual(['ACCEPTED', 'ORDER_ID_CONFLICT']);
  });

  test('of a pending order: the record of its content decides it, also when it is not the first', async () => {
    const w = world();
    w.products.api.set('p-1', invalid);
    await outcomes(w, received());
    w.products.api.delete('p-1');
    expect(await outcomes(w, received(two), received())).toEqual(['ORDER_ID_CONFLICT', 'ACCEPTED']);
  });

  test('a pending order that cannot be decided yet waits, and other content is still a conflict', async () => {
    const w = world();
    w.products.api.set('p-1', invalid);
    await outcomes(w, received());
    w.products.api.set('p-1', unavailable);
    expect(await outcomes(w, received(), received(two))).toEqual(['waiting', 'ORDER_ID_CONFLICT']);
  });
});

describe('cache entries', () => {
  const inactive = customer({ customerId: 'c-bad', active: false });

  test('accept without a question to the API', async () => {
    const w = world();
    w.customers.cacheEntry.set('c-1', copied(customer(), { stale: true }));
    const [outcome] = await w.decide([received()]);
    expect(outcome).toMatchObject({ kind: 'decided', order: { customer: { freshness: { stale: true } } } });
    expect(w.asked.every(({ fresh }) => !fresh)).toBe(true);
  });

  test('that speak against an order are read again before it is rejected, and nothing else is', async () => {
    const w = world();
    w.customers.cacheEntry.set('c-bad', copied(inactive));
    w.products.cacheEntry.set('p-9', copied(productOf('p-9', { retired: true })));
    w.customers.api.set('c-bad', found(inactive));
    const order = received({ ...ofBad, lines: [line(), line({ reference: byId('p-9') })] });
    const [outcome] = await w.decide([received({ orderId: 'fine' }), order].reverse());
    // The product is sold again, the customer is still inactive.
    expect(outcome).toMatchObject({ order: { decision: { rejections: [{ reason: 'CUSTOMER_INACTIVE' }] } } });
    expect(w.asked.filter(({ fresh }) => fresh)).toEqual([
      { fresh: true, keys: ['c-bad'] },
      { fresh: true, keys: ['product_id:p-9'] },
    ]);
  });

  test('that speak against an order no longer do when the API says otherwise', async () => {
    const w = world();
    w.customers.cacheEntry.set('c-bad', copied(inactive));
    expect(await outcomes(w, received(ofBad))).toEqual(['ACCEPTED']);
  });

  test('never reject while the API cannot be asked: the order waits with the cause', async () => {
    const w = world();
    w.customers.cacheEntry.set('c-bad', copied(inactive, { stale: true }));
    w.customers.api.set('c-bad', unavailable);
    expect(await w.decide([received(ofBad)])).toEqual([{ kind: 'waiting', cause: 'the API is down' }]);
    expect(w.rows.size).toBe(0);
  });
});

test('everything a batch needs is asked for once, in one question per kind', async () => {
  const w = world();
  const lines = [line(), line({ reference: byId('p-2') }), line()];
  await outcomes(w, received({ orderId: 'a', lines }), received({ orderId: 'b' }));
  expect(w.asked).toEqual([
    { fresh: false, keys: ['c-1'] },
    { fresh: false, keys: ['product_id:p-1', 'product_id:p-2'] },
  ]);
});

test('an order whose document is refused is decided, and its records are dead-lettered with the reason', async () => {
  const w = world();
  w.refuses.set('o-1', 'too large');
  expect(await w.decide([received(), received({ orderId: 'other' })])).toMatchObject([
    { kind: 'dead_letter', reason: 'DOCUMENT_REFUSED', detail: 'too large' },
    { kind: 'decided' },
  ]);
  expect(w.rows.size).toBe(2);
});

test.each(['store', 'documents'] as const)('an outage of the %s is not swallowed', async (which) => {
  const outage = new Error('gone');
  const w = world();
  const fail = async () => Promise.reject(outage);
  const decide = createDecideOrders({
    enrichment: {
      customers: async (ids) => new Map(ids.map((id) => [id, found(customer({ customerId: id }))])),
      products: async (all) => new Map(all.map((one) => [referenceKey(one), knownProduct(one)])),
    },
    store: which === 'store' ? { decide: fail } : w.store,
    documents: which === 'documents' ? { show: fail } : { show: async () => new Map() },
    terms,
    stage: (_, work) => work(),
  });
  await expect(decide([received()])).rejects.toBe(outage);
});
