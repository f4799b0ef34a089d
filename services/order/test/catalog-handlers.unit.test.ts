import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { toMoney } from '@orderflow/contracts';
import { Product_State } from '@orderflow/contracts/orderflow/enrichment/v1/product';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { CatalogService } from '@orderflow/contracts/orderflow/order/v1/catalog_service';
import { errorReason, rpcError } from '@orderflow/rpc';
import { expect, test } from 'vitest';
import { catalogHandlers } from '../src/inbound/rpc/catalog-handlers.ts';

const productOf = (productId: string) => ({
  ...{ productId, sku: `SKU-${productId}`, name: `Product ${productId}`, description: 'As described' },
  ...{ price: toMoney(7_999n, 'USD'), state: Product_State.ACTIVE, version: 3n },
});

/** A catalogue of these products; `stock` has what is available of each. */
function catalogOf(ids: readonly string[], stock: Readonly<Record<string, bigint>> = {}) {
  const products = ids.map(productOf);
  const state = { productsDown: false, inventoryDown: false, left: '' };
  const asked: string[][] = [];
  const stockErrors: unknown[] = [];
  const down = (isDown: boolean, text: string) => {
    if (isDown) throw rpcError('DEPENDENCY_UNAVAILABLE', text);
  };
  const stockOf = (productId: string) => ({ productId, available: stock[productId] ?? 0n, reserved: 2n });
  const others = createRouterTransport((router) => {
    router.service(ProductService, {
      listProducts({ pageSize, pageToken }) {
        down(state.productsDown, 'products');
        if (pageToken === 'made up') throw rpcError('PAGE_TOKEN_INVALID', 'not from this list');
        const from = Number(pageToken);
        const next = from + pageSize;
        const nextPageToken = next < products.length ? String(next) : '';
        return { products: products.slice(from, next), nextPageToken };
      },
      batchGetProducts: ({ skus }) => ({ products: products.filter(({ sku }) => skus.includes(sku)) }),
      getProduct({ reference }) {
        down(state.productsDown, 'products');
        const product = products.find(({ sku }) => sku === reference.value);
        if (product === undefined)
          throw rpcError('PAGE_TOKEN_INVALID', 'stands for any error of the service');
        return { product };
      },
    });
    router.service(InventoryService, {
      batchGetStock({ productIds }) {
        asked.push(productIds);
        down(state.inventoryDown, 'inventory');
        return { stock: productIds.filter((id) => id !== state.left).map(stockOf) };
      },
      getStock({ productId }) {
        down(state.inventoryDown, 'inventory');
        return { stock: stockOf(productId) };
      },
    });
  });
  const handlers = catalogHandlers({
    products: createClient(ProductService, others),
    inventory: createClient(InventoryService, others),
    onStockError: (error) => stockErrors.push(error),
  });
  const own = createRouterTransport((router) => router.service(CatalogService, handlers));
  return { catalog: createClient(CatalogService, own), state, asked, stockErrors };
}

const refusal = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable('the call succeeded'),
    (reason: unknown) => {
      const error = ConnectError.from(reason);
      return [Code[error.code], errorReason(error), error.rawMessage];
    },
  );

test('products are listed with what is available of them, page by page', async () => {
  const { catalog } = catalogOf(['p-1', 'p-2', 'p-3'], { 'p-1': 15n, 'p-3': 4n });
  const first = await catalog.listProducts({ pageSize: 2 });
  expect(first.products).toMatchObject([
    {
      ...{ productId: 'p-1', sku: 'SKU-p-1', name: 'Product p-1', description: 'As described' },
      ...{ price: toMoney(7_999n, 'USD'), state: Product_State.ACTIVE, availableQuantity: 15n },
    },
    { productId: 'p-2', availableQuantity: 0n },
  ]);
  const second = await catalog.listProducts({ pageSize: 2, pageToken: first.nextPageToken });
  expect(second).toMatchObject({
    products: [{ productId: 'p-3', availableQuantity: 4n }],
    nextPageToken: '',
  });
  expect(await refusal(catalog.listProducts({ pageToken: 'made up' }))).toContain('PAGE_TOKEN_INVALID');
});

test('one product is found by its SKU, none by one that does not exist', async () => {
  const { catalog, asked } = catalogOf(['p-1', 'p-2'], { 'p-2': 7n });
  const found = await catalog.listProducts({ sku: 'SKU-p-2' });
  expect(found).toMatchObject({ products: [{ productId: 'p-2', availableQuantity: 7n }], nextPageToken: '' });
  expect(await catalog.listProducts({ sku: 'SKU' })).toMatchObject({ products: [] });
  // Nothing is asked about nothing.
  expect(asked).toEqual([['p-2']]);
  expect(await refusal(catalog.listProducts({ sku: 'SKU-p-2', pageToken: '2' }))).toEqual([
    'InvalidArgument',
    'PAGE_TOKEN_INVALID',
    expect.stringContaining('leave out page_token'),
  ]);
});

test('inventory is asked for 200 products at a time, for each once', async () => {
  const ids = Array.from({ length: 450 }, (_, index) => `p-${index % 401}`);
  const { catalog, asked } = catalogOf(ids, { 'p-400': 3n });
  const { products } = await catalog.listProducts({ pageSize: 1000 });
  expect(asked.map(({ length }) => length)).toEqual([200, 200, 1]);
  expect(products).toHaveLength(450);
  expect(products[400]?.availableQuantity).toBe(3n);
});

test('what cannot be in stock has none; what inventory leaves out is not said', async () => {
  const { catalog, asked, state } = catalogOf(['no such/id', 'p-1', 'p-2'], { 'p-1': 15n });
  state.left = 'p-2';
  const { products } = await catalog.listProducts({ pageSize: 3 });
  expect(asked).toEqual([['p-1', 'p-2']]);
  expect(products.map(({ availableQuantity }) => availableQuantity)).toEqual([0n, 15n, undefined]);
  expect(await catalog.getProductInventory({ sku: 'SKU-no such/id' })).toMatchObject({
    ...{ productId: 'no such/id', available: 0n, reserved: 0n },
  });
});

test('while inventory is unavailable products are listed without their stock, and the stock of one is UNAVAILABLE', async () => {
  const { catalog, state, stockErrors } = catalogOf(['p-1'], { 'p-1': 15n });
  state.inventoryDown = true;
  const { products } = await catalog.listProducts({ pageSize: 1 });
  expect(products).toMatchObject([{ productId: 'p-1' }]);
  expect(products[0]?.availableQuantity).toBeUndefined();
  expect(stockErrors).toHaveLength(1);
  const unavailable = ['Unavailable', 'DEPENDENCY_UNAVAILABLE', 'inventory'];
  expect(await refusal(catalog.getProductInventory({ sku: 'SKU-p-1' }))).toEqual(unavailable);
});

test('without the enrichment API there is nothing to list', async () => {
  const { catalog, state } = catalogOf(['p-1']);
  state.productsDown = true;
  const unavailable = ['Unavailable', 'DEPENDENCY_UNAVAILABLE', 'products'];
  expect(await refusal(catalog.listProducts({}))).toEqual(unavailable);
  expect(await refusal(catalog.getProductInventory({ sku: 'SKU-p-1' }))).toEqual(unavailable);
});

test('the stock of a product is read by its SKU', async () => {
  const { catalog } = catalogOf(['p-1'], { 'p-1': 15n });
  expect(await catalog.getProductInventory({ sku: 'SKU-p-1' })).toMatchObject({
    ...{ productId: 'p-1', sku: 'SKU-p-1', available: 15n, reserved: 2n },
  });
  const missing = await refusal(catalog.getProductInventory({ sku: 'SKU' }));
  expect(missing).toContain('stands for any error of the service');
});
