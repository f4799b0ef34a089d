import { createHash } from 'node:crypto';
import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import type { ListOrdersRequest } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { invalidRequest, pageRequest, pageTokens, rpcError, textKey, timeKey } from '@orderflow/rpc';
import type { OrderConditions, OrderKey } from '../../ports.ts';
import { stateOf } from './wire.ts';

/** The key of a page begins with a fingerprint of the conditions. */
const tokens = pageTokens<[string, Date, string]>('orders', textKey, timeKey, textKey);

/**
 * Reads the conditions of a request.
 * @throws INVALID_REQUEST for an invalid time.
 */
export function toConditions(request: ListOrdersRequest): OrderConditions {
  return {
    customerId: request.customerId || undefined,
    state: stateOf(request.state),
    createTimeFrom: request.createTimeFrom && notBefore('create_time_from', request.createTimeFrom),
    createTimeTo: request.createTimeTo && notBefore('create_time_to', request.createTimeTo),
    needsAttention: request.needsAttention,
  };
}

/** The first whole millisecond that is not before the time: orders are stored with millisecond precision. */
function notBefore(field: string, time: Timestamp): Date {
  // The rules of the contract do not check nanos; JSON cannot express this, but bytes can.
  if (time.nanos < 0 || time.nanos > 999_999_999) {
    const description = 'nanos must be 0 to 999999999';
    throw invalidRequest([{ field: `${field}.nanos`, description, reason: 'timestamp.nanos' }]);
  }
  const ms = timestampMs({ ...time, nanos: 0 });
  return new Date(ms + Math.ceil(time.nanos / 1e6));
}

/**
 * Reads the page of a request.
 * @throws PAGE_TOKEN_INVALID, also when the conditions differ from those of the previous page.
 */
export function toPage(
  request: ListOrdersRequest,
  conditions: OrderConditions,
): { after: OrderKey | undefined; size: number } {
  const { after: key, size } = pageRequest(tokens, request);
  if (key === undefined) return { after: undefined, size };
  const [fingerprint, createTime, orderId] = key;
  if (fingerprint !== fingerprintOf(conditions)) {
    throw rpcError(
      'PAGE_TOKEN_INVALID',
      'page_token is from a list with other conditions: repeat them, or begin without page_token',
    );
  }
  return { after: { createTime, orderId }, size };
}

/** The token of the page after the order `last`; empty after the last page. */
export function nextPageToken(conditions: OrderConditions, last: OrderKey | undefined): string {
  return tokens.encode(last && [fingerprintOf(conditions), last.createTime, last.orderId]);
}

function fingerprintOf(conditions: OrderConditions): string {
  return createHash('sha256').update(JSON.stringify(conditions)).digest('base64url').slice(0, 12);
}
