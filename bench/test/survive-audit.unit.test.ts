import { describe, expect, test } from 'vitest';
import { audit, type Damage, type Effect, type Observed } from '../src/survive/audit.ts';
import type { Catalogue } from '../src/survive/catalogue.ts';
import { type Content, expectationsOf } from '../src/survive/oracle.ts';
import { makeRecords } from '../src/survive/records.ts';

const catalogue: Catalogue = {
  customers: new Map([
    ['c-1', { name: 'Ada', active: true }],
    ['c-2', { name: 'Alan', active: true }],
    ['c-50', { name: 'Barbara', active: false }],
  ]),
  products: new Map([
    ['p-1', { name: 'Laptop', price: 1299_99n, active: true }],
    ['p-2', { name: 'Mouse', price: 79_99n, active: true }],
    ['p-50', { name: 'Notebook', price: 5_00n, active: false }],
  ]),
};

function record(orderId: string, customerId: string, ...productIds: string[]): Buffer {
  const products = productIds.map((productId) => ({ productId, name: 'as seen', price: 9.99 }));
  return Buffer.from(JSON.stringify({ orderId, customerId, products }));
}

const good = record('o-1', 'c-1', 'p-1', 'p-2');
const poison = Buffer.from([0xff, 0xfe, 0x00]);

function effectOf({ outcome, customerId, names, lines, total }: Content): Effect {
  return outcome === 'ACCEPTED' ? { outcome, customerId, names, lines, total } : { outcome };
}

interface Left extends Observed {
  readonly stores: Readonly<Record<string, Map<string, Effect[]>>>;
}

/** What is left when each record was handled as it should be, the first content of an id being the one that stands. */
function handled(values: readonly Buffer[]): Left {
  const { orders, unreadable } = expectationsOf(values, catalogue);
  const store = () =>
    new Map(
      Array.from(orders, ([id, { contents }]): [string, Effect[]] => [
        id,
        contents.slice(0, 1).map(effectOf),
      ]),
    );
  const losers = [...orders.values()].flatMap(({ contents }) => contents.slice(1));
  const letters = [...unreadable, ...losers.flatMap((content) => [...content.values])];
  return {
    stores: { orders: store(), documents: store(), events: store() },
    deadLetters: letters.map((text) => Buffer.from(text, 'latin1')),
  };
}

function damageOf(values: readonly Buffer[], observed: Observed): Partial<Damage> {
  const damage = audit(expectationsOf(values, catalogue), observed);
  return Object.fromEntries(Object.entries(damage).filter(([, ids]) => ids.length > 0));
}

describe('the audit', () => {
  test('finds no damage where every record was handled as it should be', () => {
    const refused = [record('o-2', 'c-50', 'p-1', 'p-1'), record('o-3', 'c-1', 'p-50', 'p-nothing')];
    const values = [good, good, record('o-1', 'c-2', 'p-1', 'p-1'), ...refused, poison];
    expect(damageOf(values, handled(values))).toEqual({});
  });

  test.each(['orders', 'documents', 'events'])('finds an order that is missing in the %s', (store) => {
    const left = handled([good]);
    left.stores[store]?.delete('o-1');
    expect(damageOf([good], left)).toEqual({ lost: ['o-1'] });
  });

  test('finds an order that is missing everywhere', () => {
    expect(damageOf([good], handled([]))).toEqual({ lost: ['o-1'] });
  });

  test('finds an order that is in a store twice', () => {
    const left = handled([good]);
    left.stores['documents']?.get('o-1')?.push(...(left.stores['orders']?.get('o-1') ?? []));
    expect(damageOf([good, good], left)).toEqual({ doubled: ['o-1'] });
  });

  test.each<Partial<Effect>>([
    { outcome: 'REJECTED' },
    { customerId: 'c-2' },
    { names: 'Alan, Laptop, Mouse' },
    { lines: '1 × p-1 at 129999' },
    { total: 1379_98n },
  ])('finds an order of which a store says %o', (change) => {
    const left = handled([good]);
    const [effect] = left.stores['documents']?.get('o-1') ?? [];
    if (effect !== undefined) left.stores['documents']?.set('o-1', [{ ...effect, ...change }]);
    expect(damageOf([good], left)).toEqual({ wrong: ['o-1'] });
  });

  test('finds an order that was accepted though it had to be refused', () => {
    const value = record('o-2', 'c-50', 'p-1', 'p-2');
    const left = handled([value]);
    left.stores['events']?.set('o-2', [{ outcome: 'ACCEPTED' }]);
    expect(damageOf([value], left)).toEqual({ wrong: ['o-2'] });
  });

  test('finds an order that is only a dead letter though it had to be accepted', () => {
    expect(damageOf([good], { ...handled([]), deadLetters: [good] })).toEqual({ wrong: ['o-1'] });
  });

  test('finds an order that was never sent', () => {
    expect(damageOf([], handled([good]))).toEqual({ wrong: ['o-1'] });
  });

  test('finds stores that hold different orders of one id', () => {
    const other = record('o-1', 'c-2', 'p-1', 'p-1');
    const stores = { ...handled([good]).stores, events: handled([other]).stores['events'] ?? new Map() };
    expect(damageOf([good, other], { stores, deadLetters: [other] })).toEqual({ wrong: ['o-1'] });
  });

  test('accepts either order of one id, if the other is a dead letter', () => {
    const other = record('o-1', 'c-2', 'p-1', 'p-1');
    const { stores } = handled([other]);
    expect(damageOf([good, other], { stores, deadLetters: [good] })).toEqual({});
    expect(damageOf([good, other], { stores, deadLetters: [] })).toEqual({ untraced: ['o-1'] });
  });

  test('finds records to be refused that left no trace', () => {
    const refused = record('o-2', 'c-50', 'p-1', 'p-2');
    expect(damageOf([refused, poison], handled([]))).toEqual({
      untraced: ['o-2', poison.toString('latin1')],
    });
  });
});

test('the oracle prices an order from the catalogue, with tax rounded half up', () => {
  const [content] = expectationsOf([record('o-1', 'c-1', 'p-2', 'p-1', 'p-2')], catalogue).orders.get('o-1')
    ?.contents ?? [undefined];
  expect(content).toMatchObject({
    outcome: 'ACCEPTED',
    names: 'Ada, Laptop, Mouse',
    lines: '1 × p-1 at 129999, 2 × p-2 at 7999',
    // 145997 + 11679.76
    total: 1576_77n,
  });
});

test('the records are of every kind', () => {
  const values = makeRecords('o', 2_000);
  const { orders, unreadable } = expectationsOf(values, {
    customers: new Map(
      Array.from({ length: 5_000 }, (_, index) => [
        `c-${index + 1}`,
        { name: '', active: (index + 1) % 50 !== 0 },
      ]),
    ),
    products: new Map(
      Array.from({ length: 2_000 }, (_, index) => [
        `p-${index + 1}`,
        { name: '', price: 1n, active: (index + 1) % 50 !== 0 },
      ]),
    ),
  });
  const contents = [...orders.values()].map((order) => order.contents);
  const distinct = new Set(values.map((value) => value.toString('latin1')));
  expect(unreadable.size).toBeGreaterThan(10);
  expect(contents.filter(([first]) => first?.outcome === 'REJECTED').length).toBeGreaterThan(20);
  expect(contents.filter(({ length }) => length > 1).length).toBeGreaterThan(10);
  expect(values.length - distinct.size).toBeGreaterThan(30);
  expect(contents.filter(([first]) => first?.outcome === 'ACCEPTED').length).toBeGreaterThan(1_800);
});
