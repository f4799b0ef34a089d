import { expect, test } from 'vitest';
import { seedCustomers, seedProducts } from '../src/domain/seed.ts';

const now = new Date('2026-01-01T00:00:00Z');

test('there are 5,000 customers, every 50th inactive', () => {
  const customers = seedCustomers(now);
  expect(customers.map((customer) => customer.customerId)).toEqual(
    Array.from({ length: 5000 }, (_, index) => `c-${index + 1}`),
  );
  const inactive = customers.filter((customer) => !customer.active).map((customer) => customer.customerId);
  expect(inactive).toHaveLength(100);
  expect(inactive.slice(0, 2)).toEqual(['c-50', 'c-100']);
  expect(new Set(customers.map((customer) => customer.email)).size).toBe(5000);
});

test('there are 2,000 products, every 50th retired, each with a SKU of its own', () => {
  const products = seedProducts(now);
  expect(products.map((product) => product.productId)).toEqual(
    Array.from({ length: 2000 }, (_, index) => `p-${index + 1}`),
  );
  const retired = products.filter((product) => product.state === 'RETIRED');
  expect(retired).toHaveLength(40);
  expect(retired[0]?.productId).toBe('p-50');
  expect(new Set(products.map((product) => product.sku)).size).toBe(2000);
  expect(products.every(({ price }) => price >= 5_00n && price <= 1299_99n)).toBe(true);
  expect(products[5]?.sku).toBe('SKU00006');
});

test('the first five products are those of the requirements', () => {
  const first = seedProducts(now).slice(0, 5);
  expect(first.map(({ sku, price, currencyCode, state }) => [sku, price, currencyCode, state])).toEqual([
    ['LAPTOP001', 1299_99n, 'USD', 'ACTIVE'],
    ['MOUSE001', 79_99n, 'USD', 'ACTIVE'],
    ['CHAIR001', 299_99n, 'USD', 'ACTIVE'],
    ['KEYBOARD001', 149_99n, 'USD', 'ACTIVE'],
    ['MONITOR001', 449_99n, 'USD', 'ACTIVE'],
  ]);
});
