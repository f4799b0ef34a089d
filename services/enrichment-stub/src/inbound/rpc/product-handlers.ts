import type { ServiceImpl } from '@connectrpc/connect';
import type {
  GetProductRequest,
  ProductService,
} from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { invalidRequest, pageRequest, pageTokens, textKey } from '@orderflow/rpc';
import { readPage } from '@orderflow/runtime';
import type { ProductReader } from '../../ports.ts';
import { batchGetProducts } from '../../use-cases/batch-get-products.ts';
import { getProduct, type ProductReference } from '../../use-cases/get-product.ts';
import { toWireProduct } from './wire.ts';

const tokens = pageTokens<[string]>('products', textKey);

/** Implements ProductService. Throws refusals unchanged. */
export function productHandlers({
  products,
}: {
  readonly products: ProductReader;
}): ServiceImpl<typeof ProductService> {
  return {
    async getProduct({ reference }) {
      return { product: toWireProduct(await getProduct(products, given(reference))) };
    },

    async batchGetProducts({ productIds, skus }) {
      const { found, notFound } = await batchGetProducts(products, { productIds, skus });
      return {
        products: found.map(toWireProduct),
        notFoundProductIds: [...notFound.productIds],
        notFoundSkus: [...notFound.skus],
      };
    },

    async listProducts(request) {
      const { after: [afterId] = [], size } = pageRequest(tokens, request);
      const { items, last } = await readPage(size, (limit) => products.page(afterId, limit));
      return { products: items.map(toWireProduct), nextPageToken: tokens.encode(last && [last.productId]) };
    },
  };
}

function given(reference: GetProductRequest['reference']): ProductReference {
  switch (reference.case) {
    case 'productId':
      return { productId: reference.value };
    case 'sku':
      return { sku: reference.value };
    default:
      throw invalidRequest([
        { field: 'reference', description: 'product_id or sku is missing', reason: 'required' },
      ]);
  }
}
