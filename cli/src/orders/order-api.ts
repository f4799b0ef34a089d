import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
} from '@orderflow/contracts/google/rpc/error_details';
import { CancelReasonSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { type Order, Order_StateSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { tokenProblem } from '../call-headers.ts';
import { type Cli, CommandError, UsageError } from '../cli.ts';
import type { Config } from '../config.ts';
import { unreachable } from '../stores.ts';
import { printable } from '../table.ts';
import { listOf } from './violations.ts';

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
 * Calls the order API as the operator at the terminal.
 * @param options.nameOf returns what the operator calls a field of the request, for the violations of a refusal.
 * @param options.isExpected says which errors are for the caller: with these it resolves to undefined.
 * @throws CommandError when it refuses, with every violation, is unavailable, or does not respond in time.
 */
export async function callOrderApi<T>(
  { config, callHeaders, signal }: Cli,
  call: (orders: Client<typeof OrderService>, options: CallOptions) => Promise<T>,
  {
    nameOf = (field) => field,
    isExpected = () => false,
  }: { nameOf?: (field: string) => string; isExpected?: (error: ConnectError) => boolean } = {},
): Promise<T | undefined> {
  const orders = orderApi(config, TIMEOUT_MS);
  const headers = await callHeaders();
  try {
    return await call(orders, { headers, signal });
  } catch (thrown) {
    signal.throwIfAborted();
    const error = ConnectError.from(thrown);
    if (isExpected(error)) return undefined;
    const violations = violationsOf(error, nameOf);
    throw new CommandError(
      violations.length === 0 ? problemOf(error, config) : [`${api} refuses:`, ...violations].join('\n'),
    );
  }
}

/** The same; prints the order of the response. */
export async function askOrderApi(
  cli: Cli,
  ask: (
    orders: Client<typeof OrderService>,
    options: CallOptions,
  ) => Promise<{ readonly order?: Order | undefined }>,
): Promise<void> {
  const { order } = (await callOrderApi(cli, ask)) ?? {};
  cli.print(order === undefined ? 'Done.' : describe(order));
}

/** The single order id of a command line. */
export function oneOrderId(positionals: readonly string[]): string {
  const [orderId, ...others] = positionals;
  if (orderId === undefined || others.length > 0) throw new UsageError('One order id is expected.');
  return orderId;
}

/** Formats the state of an order, and why. */
export function describe({
  orderId,
  state,
  cancelReason,
  cancelDetail,
  rejections,
  needsAttention,
}: Order): string {
  const reason = cancelReason === 0 ? '' : (CancelReasonSchema.value[cancelReason]?.localName ?? '');
  const why = [reason, cancelDetail].filter(Boolean).join(': ');
  const lines = [
    `${orderId} is ${Order_StateSchema.value[state]?.localName}${why && `, because of ${why}`}`,
    ...rejections.map(({ reason, field, message }) => `  ${field ? `${field}: ` : ''}${message} (${reason})`),
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

/** The violations of a refusal, a line each: only as many of an order's reach the caller as fit into headers. */
function violationsOf(error: ConnectError, nameOf: (field: string) => string): string[] {
  const broken = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const failed = error.findDetails(PreconditionFailureSchema).flatMap(({ violations }) => violations);
  const violations = [
    ...broken.map(({ field, description }) => ({ field: nameOf(field), description })),
    ...failed.map(({ subject, description, type }) => ({ field: nameOf(subject), description, type })),
  ];
  const [info] = error.findDetails(ErrorInfoSchema);
  const more = Number(info?.metadata['violations'] ?? 0) - violations.length;
  return [
    ...(violations.length === 0 ? [] : [listOf(violations)]),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ];
}
