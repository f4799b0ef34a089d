import type { Command } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { askOrderApi, oneOrderId } from './order-api.ts';

const HELP = `Usage: pnpm orders retry ORDER_ID

Has an order that needs attention tried again, by RetryOrder of the order API (ORDER_API_URL): the cause is
cleared and a new deadline begins. One that is undecided is sent to the worker once more; of any other the last
event is told once more, so that whoever has not answered it does. It may be repeated. Its history names you.`;

/** `orders retry` */
export const retry: Command = {
  help: HELP,
  async run(args, cli) {
    const { positionals } = parseOptions({ args, allowPositionals: true });
    const orderId = oneOrderId(positionals);
    await askOrderApi(cli, (orders, options) => orders.retryOrder({ orderId }, options));
  },
};
