import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@connectrpc/connect';
import type { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import type { Stock } from '../ports.ts';

/** How many products inventory takes in one call. */
const chunkSize = 200;
/** How long a question waits for the call under way, so that questions that come together make one call. */
const joinMs = 10;
/** What inventory calls a product; it has no stock of anything else, and refuses to be asked. */
const stockable = /^[A-Za-z0-9._:-]{1,64}$/;

/**
 * Asks inventory how much there is. Products that are asked for while a call is under way go together in the next one;
 * no answer is older than its question. `onTrouble` hears of calls that fail.
 */
export function createInventoryStock(
  client: Client<typeof InventoryService>,
  onTrouble: (error: unknown) => void,
): Stock {
  let last: Promise<unknown> | undefined;
  let next: { readonly ids: Set<string>; readonly answer: Promise<Map<string, bigint>> } | undefined;

  async function readChunk(productIds: string[], into: Map<string, bigint>): Promise<void> {
    try {
      const { stock } = await client.batchGetStock({ productIds });
      for (const { productId, available } of stock) into.set(productId, available);
    } catch (error) {
      onTrouble(error);
    }
  }

  async function readTogether(ids: Set<string>, before: Promise<unknown> | undefined) {
    await (before && Promise.race([before, sleep(joinMs)]));
    next = undefined;
    const all = [...ids];
    const stock = new Map<string, bigint>();
    const chunks = Array.from({ length: Math.ceil(all.length / chunkSize) }, (_, index) =>
      readChunk(all.slice(index * chunkSize, (index + 1) * chunkSize), stock),
    );
    await Promise.all(chunks);
    return stock;
  }

  return {
    async available(productIds) {
      const wanted = productIds.filter((id) => stockable.test(id));
      if (wanted.length === 0) return new Map();
      if (next === undefined) {
        const ids = new Set<string>();
        const answer = readTogether(ids, last);
        next = { ids, answer };
        last = answer;
        void answer.then(() => {
          if (last === answer) last = undefined;
        });
      }
      for (const id of wanted) next.ids.add(id);
      return next.answer;
    },
  };
}
