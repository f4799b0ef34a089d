import { setTimeout as sleep } from 'node:timers/promises';
import { Order_State, Order_StateSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import { type Clients, untilKnown } from '@orderflow/local/clients';
import { recordOf } from '@orderflow/local/orders';
import type { Stores } from '@orderflow/local/stores';
import { eventually } from '@orderflow/testing/eventually';

const EVERY_MS = 200;
/** Customers and products that nothing else in a run uses. */
const customerId = 'c-77';
const productId = (round: number) => `p-${301 + (round % 40)}`;

/** Sends valid orders continuously, over RPC and Kafka. */
export function startGoodOrders({ orders }: Clients, stores: Stores, prefix: string) {
  const over = new AbortController();
  const ids: string[] = [];

  async function comeAllTheTime(): Promise<void> {
    for (let round = 1; !over.signal.aborted; round++) {
      const orderId = `${prefix}-${round}`;
      const lines = [{ productId: productId(round), quantity: 1 }];
      if (round % 2 === 0) {
        await stores.send([recordOf({ orderId, customerId, lines }, 'protobuf')]);
      } else {
        await untilKnown(() =>
          orders.createOrder({
            orderId,
            customerId,
            requestId: orderId,
            lines: [{ reference: { case: 'productId', value: productId(round) }, quantity: 1n }],
          }),
        );
      }
      ids.push(orderId);
      await sleep(EVERY_MS, undefined, { signal: over.signal }).catch(() => {});
    }
  }

  const work = comeAllTheTime();
  work.catch(() => {});
  return {
    /**
     * Stops, and waits until each order is COMPLETED; resolves to their number.
     * @throws when one was refused, or has not ended after two minutes.
     */
    async allCompleted(): Promise<number> {
      over.abort();
      await work;
      for (const orderId of ids) {
        await eventually(
          async () => {
            const { order } = await orders.getOrder({ orderId });
            if (order?.state === Order_State.COMPLETED) return;
            throw new Error(`${orderId} is ${Order_StateSchema.value[order?.state ?? 0]?.localName}`);
          },
          { timeoutMs: 120_000, intervalMs: 100 },
        );
      }
      return ids.length;
    },
  };
}
