import { type Page, type PageRequest, pageOf } from '../domain/page.ts';
import type { Product } from '../domain/product.ts';
import type { ProductReader } from '../ports.ts';

/** One page of products in the order of ids. */
export async function listProducts(
  reader: ProductReader,
  { afterId, size }: PageRequest,
): Promise<Page<Product>> {
  const products = await reader.page(afterId, size + 1);
  return pageOf(products, size, (product) => product.productId);
}
