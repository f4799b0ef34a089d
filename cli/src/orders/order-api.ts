import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { CancelReasonSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { type Order, Order_StateSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { tokenProblem } from '../call-headers.ts';
import { type Cli, CommandError, UsageError } from '../cli.ts';
import type { Config } from '../config.ts';
import { unreachable } from '../stores.ts';
import { printable } from '../table.ts';

const TIMEOUT_MS = 10_000;

const api = 'The order API';

/** The options of a call: the caller's headers, and the abort signal. */
interface CallOptions {
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
}

/** Creates a client of the order API. `timeoutMs`: of its calls; absent: streams have none. */
export function orderApi(config: Config, timeoutMs?: number): Client<typeof OrderService> {
  return createClient(
    OrderService,
    createConnectTransport({
      ...{ baseUrl: config.orderApiUrl, httpVersion: '1.1' },
      ...(timeoutMs !== undefined && { defaultTimeoutMs: timeoutMs }),
    }),
  );
}

/**
 * Calls the order API as the operator at the terminal, and prints its response.
 * @throws CommandError when it refuses, is unavailable, or does not respond in time.
 */
export async function askOrderApi(
  { config, callHeaders, signal, print }: Cli,
  ask: (
    orders: Client<typeof OrderService>,
    options: CallOptions,
  ) => Promise<{ readonly order?: Order | undefined }>,
): Promise<void> {
  const orders = orderApi(config, TIMEOUT_MS);
  const headers = await callHeaders();
  try {
    const { order } = await ask(orders, { headers, signal });
    print(order === undefined ? 'Done.' : describe(order));
  } catch (error) {
    signal.throwIfAborted();
    throw new CommandError(problemOf(ConnectError.from(error), config));
  }
}

/** The single order id of a command line. */
export function oneOrderId(positionals: readonly string[]): string {
  const [orderId, ...others] = positionals;
  if (orderId === undefined || others.length > 0) throw new UsageError('One order id is expected.');
  return orderId;
}

function describe({ orderId, state, cancelReason, cancelDetail, needsAttention }: Order): string {
  const reason = cancelReason === 0 ? '' : (CancelReasonSchema.value[cancelReason]?.localName ?? '');
  const why = [reason, cancelDetail].filter(Boolean).join(': ');
  const lines = [
    `${orderId} is ${Order_StateSchema.value[state]?.localName}${why && `, because of ${why}`}`,
    needsAttention && `  NEEDS ATTENTION: ${needsAttention}`,
    `  "pnpm orders show ${orderId}" shows its progress.`,
  ];
  return printable(lines.filter(Boolean).join('\n'));
}

/** Explains an error of the order API to the operator. */
export function problemOf(error: ConnectError, config: Config): string {
  switch (error.code) {
    case Code.Unavailable:
      return unreachable(api, 'ORDER_API_URL', error);
    case Code.DeadlineExceeded:
    case Code.Unknown:
      return `${api} has not responded, so the call may have taken effect or not: check with "pnpm orders show". It may be repeated. (${error.rawMessage})`;
    default:
      return tokenProblem(api, error, config) ?? `${api} refuses: ${error.rawMessage}`;
  }
}
