import type { CallOptions, Client, ServiceImpl } from '@connectrpc/connect';
import type { Product } from '@orderflow/contracts/orderflow/enrichment/v1/product';
import type { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import type { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import type {
  CatalogService,
  ListProductsRequest,
} from '@orderflow/contracts/orderflow/order/v1/catalog_service';
import { callOptions, passedOn, rpcError } from '@orderflow/rpc';
import { isStockable } from '../../domain/enrichment.ts';

/** The maximum number of products in one call of inventory. */
const chunkSize = 200;

interface Dependencies {
  readonly products: Pick<Client<typeof ProductService>, 'listProducts' | 'batchGetProducts' | 'getProduct'>;
  readonly inventory: Pick<Client<typeof InventoryService>, 'batchGetStock' | 'getStock'>;
  /** Called when products are listed without their stock. */
  readonly onStockError: (error: unknown) => void;
}

/** Implements CatalogService by asking the enrichment API and inventory. Their errors are passed on. */
export function catalogHandlers({
  products,
  inventory,
  onStockError,
}: Dependencies): ServiceImpl<typeof CatalogService> {
  async function pageOf(
    { sku, pageSize, pageToken }: ListProductsRequest,
    options: CallOptions,
  ): Promise<{ readonly products: readonly Product[]; readonly nextPageToken: string }> {
    if (sku === '') return products.listProducts({ pageSize, pageToken }, options);
    if (pageToken !== '') {
      throw rpcError('PAGE_TOKEN_INVALID', 'a list with a sku has one page: leave out page_token');
    }
    const found = await products.batchGetProducts({ skus: [sku] }, options);
    return { products: found.products, nextPageToken: '' };
  }

  /** The available quantity of products; undefined where inventory does not say it. */
  async function readStock(productIds: readonly string[], options: CallOptions) {
    const ids = [...new Set(productIds)].filter(isStockable);
    const available = new Map<string, bigint>();
    try {
      const chunks = Array.from({ length: Math.ceil(ids.length / chunkSize) }, (_, index) =>
        inventory.batchGetStock(
          { productIds: ids.slice(index * chunkSize, (index + 1) * chunkSize) },
          options,
        ),
      );
      for (const { stock } of await Promise.all(chunks)) {
        for (const item of stock) available.set(item.productId, item.available);
      }
    } catch (error) {
      onStockError(error);
    }
    return (productId: string) => (isStockable(productId) ? available.get(productId) : 0n);
  }

  return {
    async listProducts(request, context) {
      const options = callOptions(context);
      const page = await pageOf(request, options).catch(rethrow);
      const stockOf = await readStock(
        page.products.map(({ productId }) => productId),
        options,
      );
      return {
        products: page.products.map(({ productId, sku, name, description, price, state }) => {
          const availableQuantity = stockOf(productId);
          return {
            ...{ productId, sku, name, description, state },
            ...(price && { price }),
            ...(availableQuantity !== undefined && { availableQuantity }),
          };
        }),
        nextPageToken: page.nextPageToken,
      };
    },

    async getProductInventory({ sku }, context) {
      const options = callOptions(context);
      const reference = { case: 'sku', value: sku } as const;
      const { product } = await products.getProduct({ reference }, options).catch(rethrow);
      if (product === undefined) throw new Error(`the response about the SKU ${sku} has no product`);
      const { productId } = product;
      if (!isStockable(productId)) return { productId, sku, available: 0n, reserved: 0n };
      const { stock } = await inventory.getStock({ productId }, options).catch(rethrow);
      if (stock === undefined) throw new Error(`the response about the product ${productId} has no stock`);
      return { productId, sku, available: stock.available, reserved: stock.reserved };
    },
  };
}

function rethrow(error: unknown): never {
  throw passedOn(error);
}
