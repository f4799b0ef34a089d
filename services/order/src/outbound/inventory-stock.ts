import type { Client } from '@connectrpc/connect';
import type { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { together } from '@orderflow/runtime';
import type { Stock } from '../ports.ts';

/** How many products inventory takes in one call. */
const chunkSize = 200;
/** Orders whose products are asked for in one go. */
const gathering = { size: 100, joinMs: 10 };
/** What inventory calls a product; it has no stock of anything else, and refuses to be asked. */
const stockable = /^[A-Za-z0-9._:-]{1,64}$/;

/**
 * Asks inventory how much there is. Questions that come while one is under way go together; no answer is older than its
 * question. `onTrouble` hears of calls that fail.
 */
export function createInventoryStock(
  client: Client<typeof InventoryService>,
  onTrouble: (error: unknown) => void,
): Stock {
  async function readChunk(productIds: string[], into: Map<string, bigint>): Promise<void> {
    try {
      const { stock } = await client.batchGetStock({ productIds });
      for (const { productId, available } of stock) into.set(productId, available);
    } catch (error) {
      onTrouble(error);
    }
  }

  const read = together<readonly string[], Map<string, bigint>>(async (questions) => {
    const ids = [...new Set(questions.flat())];
    const stock = new Map<string, bigint>();
    const chunks = Array.from({ length: Math.ceil(ids.length / chunkSize) }, (_, index) =>
      readChunk(ids.slice(index * chunkSize, (index + 1) * chunkSize), stock),
    );
    await Promise.all(chunks);
    return questions.map(() => stock);
  }, gathering);

  return {
    async available(productIds) {
      const wanted = productIds.filter((id) => stockable.test(id));
      return wanted.length === 0 ? new Map() : read(wanted);
    },
  };
}
