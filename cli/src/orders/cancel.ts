import { type Command, UsageError } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { askOrderApi, oneOrderId } from './order-api.ts';

const HELP = `Usage: pnpm orders cancel ORDER_ID --reason TEXT

Cancels an order, by CancelOrder of the order API (ORDER_API_URL). Stock and money are undone after the
response. A paid or rejected order cannot be cancelled; a completed one can be refunded. Idempotent.

  --reason TEXT   why; stored in the order's history together with your name`;

/** `orders cancel` */
export const cancel: Command = {
  help: HELP,
  async run(args, cli) {
    const { values, positionals } = parseOptions({
      args,
      options: { reason: { type: 'string' } },
      allowPositionals: true,
    });
    const orderId = oneOrderId(positionals);
    const { reason } = values;
    if (reason === undefined || reason.trim() === '')
      throw new UsageError('A reason is required: --reason TEXT.');
    await askOrderApi(cli, (orders, options) => orders.cancelOrder({ orderId, reason }, options));
  },
};
