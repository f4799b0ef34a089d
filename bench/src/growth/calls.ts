import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { Payment_State } from '@orderflow/contracts/orderflow/payment/v1/payment';
import { type Clients, clientsOf, ordersCommand } from '@orderflow/local/clients';
import { errorReason } from '@orderflow/rpc';
import { seededRandom } from '@orderflow/testing/seeded-random';
import { makeOrders, newOrder, type PlainOrder } from '../orders.ts';
import { type SagaBench, untilSettled } from '../saga-loads.ts';
import { storedId } from './stored-orders.ts';

/** How often each call is made in a round. */
const times = 20;
const dayMs = 86_400_000;

/**
 * Does what callers, people on call and monitoring do while `stored` orders are stored: creates and cancels orders,
 * reads orders, payments, reservations and ledger of random stored orders, lists the first two pages of everything that
 * can be listed, runs `orders show` and `orders stuck`, and reads all metrics.
 */
export async function makeCalls(bench: SagaBench, prefix: string, stored: number): Promise<void> {
  const { system } = bench;
  const { orders, inventory, payments, gateway } = clientsOf(system, 'grpc');
  const random = seededRandom(prefix.length);
  const anyOrder = () => storedId(Math.floor(random() * stored));

  await createOrders(orders, makeOrders(prefix, times, prefix.length), 5);
  for (let index = 0; index < times; index += 1) {
    const orderId = anyOrder();
    const { order } = await orders.getOrder({ orderId });
    await orders.getOrderHistory({ orderId });
    // Not every stored order has a payment or a reservation.
    await Promise.allSettled([
      payments.getPaymentByOrder({ orderId }),
      inventory.getReservation({ orderId }),
    ]);
    await gateway.listLedger({ orderId });

    const customerId = order?.customerId ?? '';
    const createTimeTo = timestampFromMs(Date.now() - Math.floor(random() * dayMs));
    const conditions = [
      {},
      { customerId },
      { customerId, state: Order_State.CANCELLED },
      { state: Order_State.COMPLETED },
      { state: Order_State.REJECTED },
      { state: Order_State.RESERVED },
      { state: Order_State.CANCELLED, createTimeTo },
      { createTimeFrom: timestampFromMs(Date.now() - dayMs), createTimeTo },
      { needsAttention: true },
    ];
    for (const each of conditions) await bothPages((pageToken) => orders.listOrders({ ...each, pageToken }));
    for (const each of [
      {},
      { customerId },
      { state: Payment_State.PENDING },
      { state: Payment_State.PROCESSED },
    ])
      await bothPages((pageToken) => payments.listPayments({ ...each, pageToken }));
    await bothPages((pageToken) => gateway.listLedger({ pageToken }));
    await bothPages((pageToken) => inventory.listStock({ pageToken }));
  }
  await succeed(system.env, 'show', anyOrder());
  await succeed(system.env, 'stuck');
  await Promise.all(Object.values(system.services).map((service) => service.metrics()));
  await untilSettled(bench, prefix, times, ['COMPLETED', 'CANCELLED']);
}

/** Creates orders; cancels every `cancelled`-th at once, unless it has completed already. */
export async function createOrders(
  orders: Clients['orders'],
  all: readonly PlainOrder[],
  cancelled: number,
): Promise<void> {
  for (const [index, order] of all.entries()) {
    const { orderId } = order;
    await orders.createOrder({ ...newOrder(order), orderId });
    if (index % cancelled > 0) continue;
    try {
      await orders.cancelOrder({ orderId, reason: 'benchmark', requestId: orderId });
    } catch (error) {
      if (errorReason(error) !== 'ORDER_NOT_CANCELLABLE') throw error;
    }
  }
}

async function bothPages(
  page: (token: string) => Promise<{ readonly nextPageToken: string }>,
): Promise<void> {
  const { nextPageToken } = await page('');
  if (nextPageToken !== '') await page(nextPageToken);
}

async function succeed(env: Readonly<Record<string, string>>, ...command: string[]): Promise<void> {
  const { code, said } = await ordersCommand(env, ...command);
  if (code !== 0) throw new Error(`orders ${command.join(' ')} has failed:\n${said}`);
}
