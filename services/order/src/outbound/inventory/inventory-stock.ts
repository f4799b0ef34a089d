import type { Client } from '@connectrpc/connect';
import type { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { coalesce } from '@orderflow/runtime';
import { isStockable } from '../../domain/enrichment.ts';
import type { Stock } from '../../ports.ts';

/** The maximum number of products in one call of inventory. */
const chunkSize = 200;
/** How the products of several orders are coalesced into calls. */
const coalescing = { maxItems: 100, maxWaitMs: 10 };

/**
 * Reads available stock from inventory. Requests that arrive while a call is in flight are coalesced; a result is never
 * older than its request. `onError` is called with the errors of failed calls.
 */
export function createInventoryStock(
  client: Client<typeof InventoryService>,
  onError: (error: unknown) => void,
): Stock {
  async function readChunk(productIds: string[], into: Map<string, bigint>): Promise<void> {
    try {
      const { stock } = await client.batchGetStock({ productIds });
      for (const { productId, available } of stock) into.set(productId, available);
    } catch (error) {
      onError(error);
    }
  }

  const read = coalesce<readonly string[], Map<string, bigint>>(async (questions) => {
    const ids = [...new Set(questions.flat())];
    const stock = new Map<string, bigint>();
    const chunks = Array.from({ length: Math.ceil(ids.length / chunkSize) }, (_, index) =>
      readChunk(ids.slice(index * chunkSize, (index + 1) * chunkSize), stock),
    );
    await Promise.all(chunks);
    return questions.map(() => stock);
  }, coalescing);

  return {
    async available(productIds) {
      const wanted = productIds.filter(isStockable);
      return wanted.length === 0 ? new Map() : read(wanted);
    },
  };
}
