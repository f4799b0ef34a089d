import { fromBinary } from '@bufbuild/protobuf';
import { CustomerUpdatedSchema } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import type { SetAside, SliceHandler } from '@orderflow/messaging';
import type { CustomerCopies, CustomerVersion } from '../../ports.ts';

/**
 * Handles slices of `customer-events`: copies of customers older than what is announced are dropped. Events of other
 * types are passed over.
 */
export function createCustomerUpdatesHandler(copies: CustomerCopies): SliceHandler {
  return async (records) => {
    const setAside: SetAside[] = [];
    const updates: CustomerVersion[] = [];
    for (const record of records) {
      if (record.headers['ce_type'] !== CustomerUpdatedSchema.typeName) continue;
      try {
        const { customerId, version } = fromBinary(CustomerUpdatedSchema, record.value ?? new Uint8Array());
        if (customerId === '') throw new Error('the event names no customer');
        updates.push({ customerId, version });
      } catch (error) {
        setAside.push({ record, reason: 'MALFORMED_PROTOBUF', detail: String(error) });
      }
    }
    if (updates.length > 0) await copies.outdate(updates);
    return { setAside, idle: updates.length === 0 };
  };
}
