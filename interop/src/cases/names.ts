import type { Lookup } from './substitute.ts';

/** Customers and products of the seed that cases name themselves are below; every fiftieth is inactive or retired. */
const FIRST = 101;
const isActive = (number: number) => number % 50 !== 0;

/** Returns a function that returns a number of the seed that it has not returned before. */
function freshNumbers(): () => number {
  let last = FIRST - 1;
  return () => {
    do last += 1;
    while (!isActive(last));
    return last;
  };
}

/**
 * Returns a function that creates the names of one cell, from the id of the cell:
 * - `${id}`: an id that only this cell has
 * - `${customer}`, `${customer2}` …: an active customer of the seed that no other cell has
 * - `${product}` and `${sku}`, `${product2}` and `${sku2}` …: such a product
 * - any other: what a step has kept under that name
 */
export function createNames(): (id: string) => {
  lookup: Lookup;
  keep: (name: string, value: string) => void;
} {
  const freshCustomer = freshNumbers();
  const freshProduct = freshNumbers();
  return (id) => {
    const known = new Map<string, string>([['id', id]]);
    const lookup: Lookup = (name) => {
      const [, kind, number = ''] = /^(customer|product|sku)(\d*)$/.exec(name) ?? [];
      if (!known.has(name) && kind === 'customer') known.set(name, `c-${freshCustomer()}`);
      if (!known.has(name) && (kind === 'product' || kind === 'sku')) {
        const fresh = freshProduct();
        known.set(`product${number}`, `p-${fresh}`);
        known.set(`sku${number}`, `SKU${String(fresh).padStart(5, '0')}`);
      }
      const value = known.get(name);
      if (value === undefined) throw new Error(`no step has kept \${${name}}`);
      return value;
    };
    return { lookup, keep: (name, value) => void known.set(name, value) };
  };
}
