import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { type Order, OrderSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import type { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { customerOf } from '@orderflow/rpc';
import { coalesce } from '@orderflow/runtime';
import type { FullOrder, StoredOrder } from '../../domain/order.ts';
import type { OrderChanges, OrderReader } from '../../ports.ts';
import { type WatchTimes, watchOrder } from '../../use-cases/watch-order.ts';
import { watchOrders } from '../../use-cases/watch-orders.ts';
import { fromResumeToken, toResumeToken } from './resume-token.ts';
import type { WatcherLimit } from './watcher-limit.ts';
import { toListedOrder, toWireOrder, type WireOrder } from './wire.ts';

/** Below the idle time-outs of usual proxies; long enough to cost little. */
const BOOKMARK_MS = 60_000;
/** Streams end now and then, so that they spread over instances that were added. */
const LIFETIME_MS = 10 * 60_000;
/** The part by which a lifetime is longer or shorter: watches that began together do not end together. */
const SPREAD = 0.2;

/** How reading is coalesced: what changes at once is read in one query, for all that watch it. */
const coalescing = { maxItems: 200, maxWaitMs: 10 };

/** The methods of OrderService that stream orders. Throws refusals unchanged. */
export function watchHandlers({
  changes,
  reader,
  limit,
  currency,
  times = { bookmarkMs: BOOKMARK_MS, lifetimeMs: LIFETIME_MS },
}: {
  readonly changes: OrderChanges;
  readonly reader: OrderReader;
  readonly limit: WatcherLimit;
  /** The currency of stored totals. */
  readonly currency: string;
  readonly times?: WatchTimes | undefined;
}): Pick<ServiceImpl<typeof OrderService>, 'watchOrder' | 'watchOrders'> {
  const load = coalesce(byId(reader.findAll), coalescing);
  const loadListed = coalesce(byId(reader.listAll), coalescing);
  const toWire = once((order: FullOrder) => toWireOrder(order, currency));
  const toListed = once((order: StoredOrder) => toListedOrder(order, currency));
  const spread = (): WatchTimes => ({
    ...times,
    lifetimeMs: times.lifetimeMs * (1 - SPREAD + 2 * SPREAD * Math.random()),
  });

  return {
    async *watchOrder({ orderId, afterVersion }, context) {
      using _ = limit.enter(context);
      const ports = { changes, reader, load };
      const watched = { orderId, afterVersion: Number(afterVersion), ownedBy: customerOf(context) };
      for await (const order of watchOrder(ports, watched, spread(), context.signal)) {
        yield order === undefined ? {} : { order: toWire(order) };
      }
    },

    async *watchOrders({ customerId, resumeToken }, context) {
      using _ = limit.enter(context);
      const watched = { customerId: customerId || undefined, from: fromResumeToken(resumeToken) };
      const ports = { changes, load: loadListed };
      for await (const { order, positions } of watchOrders(ports, watched, spread(), context.signal)) {
        const token = toResumeToken(positions);
        yield { ...(order && { order: toListed(order) }), resumeToken: token };
      }
    },
  };
}

/** Converts an order that was read once, for all that watch it. */
function once<Stored extends object>(convert: (order: Stored) => WireOrder): (order: Stored) => Order {
  const converted = new WeakMap<Stored, Order>();
  return (stored) => {
    const order = converted.get(stored) ?? create(OrderSchema, convert(stored));
    converted.set(stored, order);
    return order;
  };
}

/** Reads orders in the order of their ids, each once; undefined for one that does not exist. */
function byId<Order>(
  read: (orderIds: readonly string[]) => Promise<Map<string, Order>>,
): (orderIds: readonly string[]) => Promise<(Order | undefined)[]> {
  return async (orderIds) => {
    const found = await read([...new Set(orderIds)]);
    return orderIds.map((orderId) => found.get(orderId));
  };
}
