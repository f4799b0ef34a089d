import {
  createRegistry,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  toJson,
} from '@bufbuild/protobuf';
import { decodeMessage, isJsonOrder, isObject, topics } from '@orderflow/contracts';
import { file_orderflow_enrichment_event_v1_customer_updated } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import { file_orderflow_inventory_event_v1_inventory_events } from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import { file_orderflow_order_event_v1_order_events } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import {
  file_orderflow_order_event_v1_order_submitted,
  OrderSubmittedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { file_orderflow_payment_event_v1_payment_events } from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';
import type { ReceivedRecord } from '@orderflow/messaging';
import { indent } from './indent.ts';

/** A decoded value of a record, or why it cannot be decoded. */
export type Decoded =
  | {
      readonly ok: true;
      readonly format: string;
      readonly orderId: string | undefined;
      /** Formats the value as JSON, over several lines. */
      readonly json: () => string;
    }
  | { readonly ok: false; readonly problem: string };

const messages = createRegistry(
  file_orderflow_order_event_v1_order_submitted,
  file_orderflow_order_event_v1_order_events,
  file_orderflow_inventory_event_v1_inventory_events,
  file_orderflow_payment_event_v1_payment_events,
  file_orderflow_enrichment_event_v1_customer_updated,
);

/** The pattern that consumers require of an order id. */
const USABLE_ID = /^[A-Za-z0-9._:-]{1,64}$/;

/** Whether a record with this order id can be decided. */
export function isUsableOrderId(id: string | undefined): id is string {
  return id !== undefined && USABLE_ID.test(id);
}

/** The order id of a record: from its content; where that cannot be read, from its headers, otherwise from its key. */
export function orderIdOf({
  value,
  headers,
  key,
}: Pick<ReceivedRecord, 'value' | 'headers' | 'key'>): string | undefined {
  const decoded = decode(value, headers);
  if (decoded.ok) return decoded.orderId;
  // The subject of a change of a customer is a customer id.
  if (headers['dlq_topic'] === topics.customerEvents) return undefined;
  return [headers['ce_subject'], key?.toString('utf8')].find(isUsableOrderId);
}

/**
 * Decodes a value for display: JSON, the message of `ce_type`, otherwise an OrderSubmitted. More lenient than the
 * consumers: a value that they refuse for its headers or its order id can still be displayed. Never throws.
 */
export function decode(value: Uint8Array | null, headers: Readonly<Record<string, string>>): Decoded {
  if (value === null) return { ok: false, problem: 'it has no value (a tombstone)' };
  if (value.length === 0) return { ok: false, problem: 'its value is empty' };
  if (value[0] === 0) {
    return { ok: false, problem: 'its value begins with a zero byte, as schema registries frame messages' };
  }
  try {
    return isJsonOrder(value, headers['content-type']) ? decodeJson(value) : decodeProtobuf(value, headers);
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

function decodeJson(value: Uint8Array): Decoded {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(value);
  const json = JSON.parse(text) as JsonValue;
  const isPlainOrder = isObject(json) && 'products' in json;
  return {
    ok: true,
    format: isPlainOrder ? 'plain JSON' : 'JSON',
    orderId: isObject(json) ? orderIdIn(json) : undefined,
    json: () => indent(text),
  };
}

function decodeProtobuf(value: Uint8Array, headers: Readonly<Record<string, string>>): Decoded {
  const schema: DescMessage = messages.getMessage(headers['ce_type'] ?? '') ?? OrderSubmittedSchema;
  const json = toJson(schema, decodeMessage(schema, value));
  return {
    ok: true,
    format: `protobuf ${schema.typeName}`,
    orderId: isObject(json) ? orderIdIn(json) : undefined,
    json: () => JSON.stringify(json, null, 2),
  };
}

function orderIdIn(json: JsonObject): string | undefined {
  const id = json['orderId'] ?? json['order_id'];
  return typeof id === 'string' ? id : undefined;
}
