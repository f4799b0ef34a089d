import type { Product } from '../domain/product.ts';
import type { ProductNames, ProductReader } from '../ports.ts';

/** Returns every name: with its product, each product once, or as not found. */
export async function batchGetProducts(
  reader: ProductReader,
  names: ProductNames,
): Promise<{ found: Product[]; notFound: ProductNames }> {
  const productIds = new Set(names.productIds);
  const skus = new Set(names.skus);
  const found = await reader.find({ productIds: [...productIds], skus: [...skus] });
  const foundIds = new Set(found.map((product) => product.productId));
  const foundSkus = new Set(found.map((product) => product.sku));
  return {
    found,
    notFound: { productIds: [...productIds.difference(foundIds)], skus: [...skus.difference(foundSkus)] },
  };
}
