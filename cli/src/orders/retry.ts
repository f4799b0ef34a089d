import type { Command } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { askOrderApi, oneOrderId } from './order-api.ts';

const HELP = `Usage: pnpm orders retry ORDER_ID

Retries an order that needs attention, by RetryOrder of the order API (ORDER_API_URL): clears the cause and
starts a new deadline. The submission of an undecided order is resent to the worker; of any other order the
last event is republished, so that participants without a reply send it. Idempotent. Its history has your name.`;

/** `orders retry` */
export const retry: Command = {
  help: HELP,
  async run(args, cli) {
    const { positionals } = parseOptions({ args, allowPositionals: true });
    const orderId = oneOrderId(positionals);
    await askOrderApi(cli, (orders, options) => orders.retryOrder({ orderId }, options));
  },
};
