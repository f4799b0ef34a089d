import { type Customer, newCustomer } from './customer.ts';
import type { Product } from './product.ts';

/** The number of seeded customers: c-1, c-2 … */
const seededCustomers = 5000;
/** The number of seeded products: p-1, p-2 … */
const seededProducts = 2000;

/** Every nth is inactive or retired, so that orders for them can be tried. */
const everyNthIsOff = 50;

const firstNames =
  'Ada Alan Barbara Claude Dorothy Edsger Frances Grace Hedy Ivan Jean Katherine Leslie Margaret'.split(' ');
const lastNames =
  'Almeida Bauer Chen Dubois Eriksen Fischer Garcia Haddad Ivanov Jansen Kowalski Lindgren Moreau'.split(' ');

const catalogue = [
  ['LAPTOP001', 'Laptop', 'A 14-inch laptop with 16 GB of memory', 1299_99n],
  ['MOUSE001', 'Wireless mouse', 'A mouse that works on glass, too', 79_99n],
  ['CHAIR001', 'Office chair', 'A chair with a mesh back and adjustable arms', 299_99n],
  ['KEYBOARD001', 'Mechanical keyboard', 'A keyboard with quiet switches', 149_99n],
  ['MONITOR001', '27-inch monitor', 'A monitor with a resolution of 2560 × 1440', 449_99n],
] as const;

const kinds = [
  'Desk lamp',
  'Notebook',
  'Headset',
  'USB cable',
  'Backpack',
  'Webcam',
  'Power strip',
  'Footrest',
] as const;

/** The seeded customers; the same on every call except for the time. */
export function seedCustomers(now: Date): Customer[] {
  return Array.from({ length: seededCustomers }, (_, index) => {
    const number = index + 1;
    const first = pick(firstNames, index);
    const last = pick(lastNames, index);
    return newCustomer(
      `c-${number}`,
      {
        name: `${first} ${last}`,
        email: `${first}.${last}.${number}@example.com`.toLowerCase(),
        address: `${number} Market Street, 10115 Exampletown`,
        active: number % everyNthIsOff !== 0,
      },
      now,
    );
  });
}

/** The seeded products; the same on every call except for the time. */
export function seedProducts(now: Date): Product[] {
  return Array.from({ length: seededProducts }, (_, index) => {
    const number = index + 1;
    const [sku, name, description, price] = catalogue[index] ?? madeUpProduct(number);
    const state = number % everyNthIsOff === 0 ? 'RETIRED' : 'ACTIVE';
    return {
      productId: `p-${number}`,
      sku,
      name,
      description,
      price,
      currencyCode: 'USD',
      state,
      version: 1n,
      updateTime: now,
    };
  });
}

function madeUpProduct(
  number: number,
): readonly [sku: string, name: string, description: string, price: bigint] {
  const kind = pick(kinds, number);
  // Multiples of a prime, so that neighbouring products have different prices: from 5.00 to 501.99.
  const price = BigInt((number * 7919) % 497) * 100n + 5_00n + BigInt(number % 100);
  return [`SKU${String(number).padStart(5, '0')}`, `${kind} ${number}`, `${kind}, model ${number}`, price];
}

function pick<T>(list: readonly T[], index: number): T {
  const item = list[index % list.length];
  if (item === undefined) throw new RangeError('cannot pick from an empty list');
  return item;
}
