import { type Page, type PageRequest, pageOf, readPageRequest } from '../domain/page.ts';
import type { Product } from '../domain/product.ts';
import type { ProductReader } from '../ports.ts';

/**
 * One page of products in the order of ids.
 * @throws Refusal PAGE_TOKEN_INVALID
 */
export async function listProducts(reader: ProductReader, request: PageRequest): Promise<Page<Product>> {
  const { afterId, size } = readPageRequest('products', request);
  const products = await reader.page(afterId, size + 1);
  return pageOf('products', products, size, (product) => product.productId);
}
