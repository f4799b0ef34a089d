import { hostname, userInfo } from 'node:os';
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { CancelReasonSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { type Order, Order_StateSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { type Cli, CommandError, UsageError } from '../cli.ts';
import { unreachable } from '../stores.ts';
import { printable } from '../table.ts';

const TIMEOUT_MS = 10_000;

/** What a call of the order API needs besides its request: who asks, and what ends it early. */
interface CallOptions {
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
}

/**
 * Calls the order API as the person at the terminal, and says what it answers.
 * @throws CommandError when it refuses, cannot be reached, or does not answer in time.
 */
export async function askOrderApi(
  { config, signal, print }: Cli,
  ask: (
    orders: Client<typeof OrderService>,
    options: CallOptions,
  ) => Promise<{ readonly order?: Order | undefined }>,
): Promise<void> {
  const orders = createClient(
    OrderService,
    createConnectTransport({ baseUrl: config.orderApiUrl, httpVersion: '1.1', defaultTimeoutMs: TIMEOUT_MS }),
  );
  const caller = `${userInfo().username}@${hostname()}`;
  try {
    const { order } = await ask(orders, { headers: { 'x-caller-id': caller }, signal });
    print(order === undefined ? 'Done.' : describe(order));
  } catch (error) {
    signal.throwIfAborted();
    throw new CommandError(problemOf(ConnectError.from(error)));
  }
}

/** The one order id that a command line names. */
export function oneOrderId(positionals: readonly string[]): string {
  const [orderId, ...others] = positionals;
  if (orderId === undefined || others.length > 0) throw new UsageError('Name one order id.');
  return orderId;
}

function describe({ orderId, state, cancelReason, cancelDetail, needsAttention }: Order): string {
  const reason = cancelReason === 0 ? '' : (CancelReasonSchema.value[cancelReason]?.localName ?? '');
  const why = [reason, cancelDetail].filter(Boolean).join(': ');
  const lines = [
    `${orderId} is ${Order_StateSchema.value[state]?.localName}${why && `, because of ${why}`}`,
    needsAttention && `  NEEDS ATTENTION: ${needsAttention}`,
    `  "pnpm orders show ${orderId}" says what comes of it.`,
  ];
  return printable(lines.filter(Boolean).join('\n'));
}

function problemOf(error: ConnectError): string {
  switch (error.code) {
    case Code.Unavailable:
      return unreachable('The order API', 'ORDER_API_URL', error);
    case Code.DeadlineExceeded:
    case Code.Unknown:
      return `The order API has not answered, so it may be done or not: "pnpm orders show" says. It may be repeated. (${error.rawMessage})`;
    default:
      return `The order API refuses: ${error.rawMessage}`;
  }
}
