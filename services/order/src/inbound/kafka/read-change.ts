import { BinaryReader } from '@bufbuild/protobuf/wire';
import { requeryHeader } from '@orderflow/contracts';
import { file_orderflow_order_event_v1_order_events as events } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { ReceivedRecord } from '@orderflow/messaging';
import type { OrderChange } from '../../domain/change-log.ts';

const typePrefix = `${events.proto.package}.`;

/**
 * Reads what an event of an order changes: all of them have order, version and customer in the same fields, and the rest
 * is not decoded. Returns undefined for an event that was published before, and for what is none.
 */
export function readChange(record: ReceivedRecord): OrderChange | undefined {
  const { headers, value, partition, offset } = record;
  if (value === null || requeryHeader in headers) return undefined;
  if (!headers['ce_type']?.startsWith(typePrefix)) return undefined;
  try {
    const fields = firstFields(value);
    if (fields.orderId === '') return undefined;
    return { ...fields, partition, offset: Number(offset) };
  } catch {
    // Other groups dead-letter it.
    return undefined;
  }
}

function firstFields(value: Uint8Array) {
  const reader = new BinaryReader(value);
  const fields = { orderId: '', version: 0, customerId: '' };
  while (reader.pos < reader.len && fields.customerId === '') {
    const [field, wireType] = reader.tag();
    if (field === 1) fields.orderId = reader.string();
    else if (field === 2) fields.version = Number(reader.int64());
    else if (field === 3) fields.customerId = reader.string();
    else reader.skip(wireType);
  }
  return fields;
}
