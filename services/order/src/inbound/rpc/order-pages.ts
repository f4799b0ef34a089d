import { createHash } from 'node:crypto';
import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import type { ListOrdersRequest } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { decodePageToken, encodePageToken, rpcError } from '@orderflow/rpc';
import type { OrderConditions, OrderKey } from '../../ports.ts';
import type { OrderPage } from '../../use-cases/list-orders.ts';
import { stateOf } from './wire.ts';

const list = 'orders';
/** What the contract says that 0 means. */
const defaultPageSize = 50;

/** Which orders a request asks for. */
export function toConditions(request: ListOrdersRequest): OrderConditions {
  return {
    customerId: request.customerId || undefined,
    state: stateOf(request.state),
    createTimeFrom: request.createTimeFrom && notBefore(request.createTimeFrom),
    createTimeTo: request.createTimeTo && notBefore(request.createTimeTo),
    needsAttention: request.needsAttention,
  };
}

/** The first whole millisecond that is not before the time: orders are kept to the millisecond. */
function notBefore(time: Timestamp): Date {
  const ms = timestampMs({ ...time, nanos: 0 });
  return new Date(ms + Math.ceil(time.nanos / 1e6));
}

/**
 * Which page of them.
 * @throws PAGE_TOKEN_INVALID, also when the conditions are not those of the page before.
 */
export function toPage(
  { pageSize, pageToken }: ListOrdersRequest,
  conditions: OrderConditions,
): { after: OrderKey | undefined; size: number } {
  const size = pageSize || defaultPageSize;
  const key = decodePageToken(list, pageToken);
  if (key === undefined) return { after: undefined, size };
  const [fingerprint, time = '', orderId = ''] = key;
  const createTime = new Date(time);
  if (fingerprint !== fingerprintOf(conditions) || Number.isNaN(createTime.getTime())) {
    throw rpcError(
      'PAGE_TOKEN_INVALID',
      'page_token is from a list with other conditions: repeat them, or begin without page_token',
    );
  }
  return { after: { createTime, orderId }, size };
}

/** Empty after the last page. */
export function nextPageToken(conditions: OrderConditions, { last }: OrderPage): string {
  if (last === undefined) return '';
  return encodePageToken(list, [fingerprintOf(conditions), last.createTime.toISOString(), last.orderId]);
}

function fingerprintOf(conditions: OrderConditions): string {
  return createHash('sha256').update(JSON.stringify(conditions)).digest('base64url').slice(0, 12);
}
