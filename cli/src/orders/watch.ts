import { timestampDate } from '@bufbuild/protobuf/wkt';
import { ConnectError } from '@connectrpc/connect';
import { formatAmount, toMinorUnits } from '@orderflow/contracts';
import { CancelReasonSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { type Order, Order_State, Order_StateSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import { errorReason, resumedStream } from '@orderflow/rpc';
import { type Cli, type Command, CommandError, UsageError } from '../cli.ts';
import { parseOptions } from '../dlq/options.ts';
import { printableCell } from '../table.ts';
import { orderApi, problemOf } from './order-api.ts';
import { formatTime } from './time.ts';

const HELP = `Usage: pnpm orders watch [ORDER_ID] [--customer ID]

Prints a line for each change of an order until it has ended, or of all orders until it is interrupted
(Ctrl-C), by WatchOrder and WatchOrders of the order API (ORDER_API_URL): time, order, state, version,
customer, total, and why it was cancelled or needs attention. That it needs attention changes no version:
the line comes with the next change, "pnpm orders stuck" shows it now. Continues by itself when the API restarts.

  --customer ID   only the orders of this customer`;

/** `orders watch` */
export const watch: Command = {
  help: HELP,
  async run(args, cli) {
    const { values, positionals } = parseOptions({
      args,
      options: { customer: { type: 'string' } },
      allowPositionals: true,
    });
    const [orderId, ...others] = positionals;
    if (others.length > 0) throw new UsageError('At most one order id is expected.');
    if (orderId !== undefined && values.customer !== undefined)
      throw new UsageError('Either an order id or --customer is expected.');
    try {
      if (orderId === undefined) await watchAll(cli, values.customer ?? '');
      else await watchOne(cli, orderId);
    } catch (error) {
      // Interrupted: that is how watching all ends.
      if (cli.signal.aborted) return;
      throw error instanceof ConnectError ? new CommandError(problemOf(error, cli.config)) : error;
    }
  },
};

const ends: ReadonlySet<Order_State> = new Set([
  Order_State.REJECTED,
  Order_State.CANCELLED,
  Order_State.COMPLETED,
]);

async function watchOne(cli: Cli, orderId: string): Promise<void> {
  const orders = orderApi(cli.config);
  let afterVersion = 0n;
  let last: string | undefined;
  const responses = resumedStream({
    open: async (signal) =>
      orders.watchOrder({ orderId, afterVersion }, { signal, headers: await cli.callHeaders() }),
    ...breaks(cli),
  });
  for await (const { order } of responses) {
    if (order === undefined) continue;
    // PENDING has no version after which a watch could continue.
    if (line(order) !== last) cli.print(line(order));
    last = line(order);
    if (ends.has(order.state)) return;
    afterVersion = order.version;
  }
}

async function watchAll(cli: Cli, customerId: string): Promise<void> {
  const orders = orderApi(cli.config);
  let resumeToken = '';
  for (;;) {
    const responses = resumedStream({
      open: async (signal) =>
        orders.watchOrders({ customerId, resumeToken }, { signal, headers: await cli.callHeaders() }),
      ...breaks(cli),
    });
    try {
      for await (const response of responses) {
        if (response.order !== undefined) cli.print(line(response.order));
        resumeToken = response.resumeToken;
      }
    } catch (error) {
      const reason = errorReason(error);
      if (reason !== 'WATCH_TOO_OLD' && reason !== 'SLOW_CONSUMER') throw error;
      cli.note('Changes were missed, because too many came meanwhile; watching continues from now on.');
      resumeToken = '';
    }
  }
}

/** Says what interrupts a watch, once while it stays the same: an API that restarts takes several attempts. */
function breaks({ signal, note }: Cli) {
  let said = '';
  return {
    signal,
    onBreak({ rawMessage }: ConnectError) {
      if (rawMessage !== said) note(`Interrupted (${rawMessage}); watching again.`);
      said = rawMessage;
    },
  };
}

function line(order: Order): string {
  const { cancelReason, cancelDetail, needsAttention, total, refunded } = order;
  const reason = cancelReason === 0 ? '' : (CancelReasonSchema.value[cancelReason]?.localName ?? '');
  const amount = total && toMinorUnits(total);
  const cells = [
    order.updateTime ? formatTime(timestampDate(order.updateTime)) : '',
    order.orderId,
    (Order_StateSchema.value[order.state]?.localName ?? '').padEnd('CANCELLING'.length),
    `v${order.version}`,
    order.customerId,
    amount === undefined ? '' : formatAmount(amount),
    refunded ? 'refunded' : '',
    [reason, cancelDetail].filter(Boolean).join(': '),
    needsAttention && `NEEDS ATTENTION: ${needsAttention}`,
  ];
  return printableCell(cells.filter((cell) => cell !== '').join('  '), 400);
}
