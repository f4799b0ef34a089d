import { expect, test } from 'vitest';
import type { Product } from '../src/domain/product.ts';
import { seedProducts } from '../src/domain/seed.ts';
import type { ProductReader } from '../src/ports.ts';
import { batchGetProducts } from '../src/use-cases/batch-get-products.ts';
import { getProduct } from '../src/use-cases/get-product.ts';

const catalogue = seedProducts(new Date(0)).slice(0, 5);

const reader: ProductReader = {
  find: async ({ productIds, skus }) =>
    catalogue.filter(({ productId, sku }) => productIds.includes(productId) || skus.includes(sku)),
  page: async () => [],
};

const idsOf = (products: Product[]) => products.map((product) => product.productId);

test('a product is found by its id and by its SKU', async () => {
  expect((await getProduct(reader, { productId: 'p-1' })).sku).toBe('LAPTOP001');
  expect((await getProduct(reader, { sku: 'MOUSE001' })).productId).toBe('p-2');
});

test('an id is no SKU, and a SKU no id', async () => {
  const refused = expect.objectContaining({ reason: 'PRODUCT_NOT_FOUND' });
  await expect(getProduct(reader, { productId: 'LAPTOP001' })).rejects.toEqual(refused);
  await expect(getProduct(reader, { sku: 'p-1' })).rejects.toEqual(refused);
});

test('a batch returns a product once, also when it is requested by id and by SKU', async () => {
  const names = { productIds: ['p-1', 'p-9', 'p-9'], skus: ['LAPTOP001', 'CHAIR001', 'NOTHING'] };
  const { found, notFound } = await batchGetProducts(reader, names);
  expect(idsOf(found)).toEqual(['p-1', 'p-3']);
  expect(notFound).toEqual({ productIds: ['p-9'], skus: ['NOTHING'] });
});
