import { type Command, UsageError } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { askOrderApi, oneOrderId } from './order-api.ts';

const HELP = `Usage: pnpm orders cancel ORDER_ID --reason TEXT

Has an order cancelled, by CancelOrder of the order API (ORDER_API_URL). Stock and money are undone after the
answer. One that is paid or rejected is not cancelled; what is completed can be refunded. It may be repeated.

  --reason TEXT   why; its history keeps it, and names you`;

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
    if (reason === undefined || reason.trim() === '') throw new UsageError('Say why: --reason TEXT.');
    await askOrderApi(cli, (orders, options) => orders.cancelOrder({ orderId, reason }, options));
  },
};
