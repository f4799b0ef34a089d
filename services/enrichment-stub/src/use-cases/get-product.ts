import type { Product } from '../domain/product.ts';
import { Refusal } from '../domain/refusal.ts';
import type { ProductReader } from '../ports.ts';

/** Identifies a product by exactly one of its names. */
export type ProductReference = { readonly productId: string } | { readonly sku: string };

/** @throws Refusal PRODUCT_NOT_FOUND */
export async function getProduct(products: ProductReader, reference: ProductReference): Promise<Product> {
  const byId = 'productId' in reference;
  const [product] = await products.find({
    productIds: byId ? [reference.productId] : [],
    skus: byId ? [] : [reference.sku],
  });
  if (product !== undefined) return product;
  throw byId
    ? new Refusal('PRODUCT_NOT_FOUND', `product ${reference.productId} does not exist`, {
        product_id: reference.productId,
      })
    : new Refusal('PRODUCT_NOT_FOUND', `a product with SKU ${reference.sku} does not exist`, {
        sku: reference.sku,
      });
}
