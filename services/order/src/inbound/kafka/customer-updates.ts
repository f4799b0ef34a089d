import { decodeMessage } from '@orderflow/contracts';
import { CustomerUpdatedSchema } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import { type BatchHandler, type ReceivedRecord, readBatch } from '@orderflow/messaging';
import type { CustomerCache, CustomerVersion } from '../../ports.ts';

/**
 * Handles batches of `customer-events`: invalidates cache entries of customers older than the published version. Events
 * of other types are ignored.
 */
export function createCustomerUpdatesHandler(cache: CustomerCache): BatchHandler {
  return async (records) => {
    const { events, deadLetters } = readBatch(records, readUpdate);
    if (events.length > 0) await cache.invalidate(events.map(({ event }) => event));
    return { deadLetters, idle: events.length === 0 };
  };
}

function readUpdate({ headers, value }: ReceivedRecord): CustomerVersion | undefined {
  if (headers['ce_type'] !== CustomerUpdatedSchema.typeName) return undefined;
  const { customerId, version } = decodeMessage(CustomerUpdatedSchema, value ?? new Uint8Array());
  if (customerId === '') throw new Error('the event has no customer id');
  return { customerId, version };
}
