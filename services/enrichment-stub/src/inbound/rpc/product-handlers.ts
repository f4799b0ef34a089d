import type { ServiceImpl } from '@connectrpc/connect';
import type {
  GetProductRequest,
  ProductService,
} from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { invalidRequest } from '@orderflow/rpc';
import type { ProductReader } from '../../ports.ts';
import { batchGetProducts } from '../../use-cases/batch-get-products.ts';
import { getProduct, type ProductReference } from '../../use-cases/get-product.ts';
import { listProducts } from '../../use-cases/list-products.ts';
import { nextPageToken, toPageRequest } from './pages.ts';
import { toWireProduct } from './wire.ts';

/** ProductService on its use cases. Throws their refusals as they are. */
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
      const page = await listProducts(products, toPageRequest('products', request));
      return { products: page.items.map(toWireProduct), nextPageToken: nextPageToken('products', page) };
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
