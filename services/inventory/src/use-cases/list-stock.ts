import { type Page, pageOf } from '../domain/page.ts';
import type { Stock } from '../domain/stock.ts';
import type { StockReader } from '../ports.ts';

/** One page of stock in the order of product ids; only what runs low, if `availableAtMost` is given. */
export async function listStock(
  reader: StockReader,
  request: {
    readonly availableAtMost: bigint | undefined;
    readonly afterId: string | undefined;
    readonly size: number;
  },
): Promise<Page<Stock>> {
  return pageOf(await reader.page({ ...request, limit: request.size + 1 }), request.size);
}
