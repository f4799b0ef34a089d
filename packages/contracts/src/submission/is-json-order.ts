import { OrderSubmittedSchema } from '../gen/orderflow/order/event/v1/order_submitted_pb.ts';
import { isOrderId } from '../order-id.ts';
import { decodeMessage } from '../shape/decode.ts';
import { ShapeError } from '../shape/shape-error.ts';

/**
 * Whether a record on `orders` is JSON, by its content-type, otherwise by its first bytes; if not it is protobuf. The
 * rules are in docs/events.md.
 */
export function isJsonOrder(value: Uint8Array, contentType: string | undefined): boolean {
  const mediaType = contentType?.split(';')[0]?.trim().toLowerCase();
  if (mediaType === 'application/json' || mediaType?.endsWith('+json')) return true;
  if (mediaType === 'application/protobuf' || mediaType === 'application/x-protobuf') return false;
  // None of these bytes can begin an OrderSubmitted in protobuf: { [ and the UTF-8 byte order mark.
  if (opens(value[0]) || value[0] === 0xef) return true;
  // A blank can: a line feed is the tag of order_id. A valid order in protobuf is treated as one nevertheless.
  const start = value.findIndex((byte) => !isBlank(byte));
  return start > 0 && opens(value[start]) && !isProtobufOrder(value);
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function opens(byte: number | undefined): boolean {
  return byte === 0x7b || byte === 0x5b;
}

function isProtobufOrder(value: Uint8Array): boolean {
  try {
    return isOrderId(decodeMessage(OrderSubmittedSchema, value).orderId);
  } catch (error) {
    // More elements than allowed: they are counted, not decoded. The tag of a line is not a character of JSON.
    return error instanceof ShapeError && error.rule !== undefined;
  }
}
