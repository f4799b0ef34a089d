import { setTimeout as sleep } from 'node:timers/promises';
import { Code, type ConnectError } from '@connectrpc/connect';
import { type Order, Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import type { GetOrderStatusResponse } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { type Cli, CommandError } from '../cli.ts';
import { callOrderApi } from '../orders/order-api.ts';

const POLL_MS = 200;
/** Longer than the deadlines of an order. */
const MAX_WAIT_MS = 15 * 60_000;

const ended: readonly Order_State[] = [Order_State.COMPLETED, Order_State.REJECTED, Order_State.CANCELLED];
const unavailable: readonly Code[] = [Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted];

/** Whether an order with this id exists. */
export async function orderExists(cli: Cli, orderId: string): Promise<boolean> {
  const isExpected = ({ code }: ConnectError) => code === Code.NotFound;
  return (await statusOf(cli, orderId, isExpected)) !== undefined;
}

/**
 * Waits until the order has ended or needs attention, and returns it. An order that does not exist yet, and an order API
 * that is unavailable, are waited for.
 * @throws CommandError after 15 minutes, when the command is interrupted, or when the order API refuses.
 */
export async function untilEnded(cli: Cli, orderId: string): Promise<Order> {
  const giveUpAt = performance.now() + MAX_WAIT_MS;
  let isNoted = false;
  const isExpected = ({ code, rawMessage }: ConnectError) => {
    if (!unavailable.includes(code)) return code === Code.NotFound;
    if (!isNoted) cli.note(`The order API is unavailable; still waiting. (${rawMessage})`);
    isNoted = true;
    return true;
  };
  while (performance.now() < giveUpAt) {
    try {
      const status = await statusOf(cli, orderId, isExpected);
      if (status && (ended.includes(status.status) || status.needsAttention !== '')) {
        const found = await callOrderApi(cli, (orders, options) => orders.getOrder({ orderId }, options), {
          isExpected,
        });
        if (found?.order !== undefined) return found.order;
      }
      await sleep(POLL_MS, undefined, { signal: cli.signal });
    } catch (error) {
      if (cli.signal.aborted) throw new CommandError(`No longer waiting. ${whereToLook(orderId)}`);
      throw error;
    }
  }
  throw new CommandError(`The order has not ended in 15 minutes. ${whereToLook(orderId)}`);
}

function statusOf(
  cli: Cli,
  orderId: string,
  isExpected: (error: ConnectError) => boolean,
): Promise<GetOrderStatusResponse | undefined> {
  return callOrderApi(cli, (orders, options) => orders.getOrderStatus({ orderId }, options), { isExpected });
}

/** What to type to see what became of an order. */
export function whereToLook(orderId: string): string {
  return `"pnpm orders show ${orderId}" shows what became of it.`;
}
