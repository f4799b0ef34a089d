import { type Page, pageOf } from '../domain/page.ts';
import type { StockReader, StoredAdjustment } from '../ports.ts';

/** One page of the changes of a product's stock by hand, newest first. */
export async function listAdjustments(
  reader: StockReader,
  request: { readonly productId: string; readonly beforeId: bigint | undefined; readonly size: number },
): Promise<Page<StoredAdjustment>> {
  return pageOf(await reader.adjustments({ ...request, limit: request.size + 1 }), request.size);
}
