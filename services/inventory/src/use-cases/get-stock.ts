import { noStock, type Stock } from '../domain/stock.ts';
import type { StockReader } from '../ports.ts';

/** Returns the stock of each product, in the order of the ids; a product that was never stocked has none. */
export async function getStock(reader: StockReader, productIds: readonly string[]): Promise<Stock[]> {
  const found = new Map((await reader.find(productIds)).map((stock) => [stock.productId, stock]));
  return productIds.map((productId) => found.get(productId) ?? noStock(productId));
}
