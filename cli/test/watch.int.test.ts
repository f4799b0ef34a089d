import { createServer } from 'node:http';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { CancelReason } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { errorsOf } from '@orderflow/rpc';
import { loadConfig } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing';
import { expect, onTestFinished, test } from 'vitest';
import { settings } from '../src/config.ts';
import { run } from '../src/run.ts';

/** An order API on a port of its own. */
async function startApi(routes: (router: ConnectRouter) => void): Promise<string> {
  const server = createServer(connectNodeAdapter({ routes }));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

/** `pnpm orders watch` at a terminal. */
function watch(url: string, ...args: string[]) {
  const printed: string[] = [];
  const noted: string[] = [];
  const stop = new AbortController();
  const code = run(['watch', ...args], loadConfig(settings, { ORDER_API_URL: url }), {
    print: (text) => void printed.push(text),
    note: (text) => void noted.push(text),
    signal: stop.signal,
  });
  return { printed, noted, code, interrupt: () => stop.abort(new Error('stopped by SIGINT')) };
}

const order = (orderId: string, state: Order_State, version: bigint) => ({
  ...{ orderId, state, version, customerId: 'c-1' },
  updateTime: { seconds: 1_764_460_800n },
  ...(state === Order_State.CANCELLED && {
    cancelReason: CancelReason.CLIENT_REQUEST,
    cancelDetail: 'a mistake',
  }),
  ...(version > 0n && { total: { currencyCode: 'USD', units: 1_403n, nanos: 990_000_000 } }),
});

const stopping = () => new ConnectError('the server is stopping', Code.Unavailable);

test('one order is watched until it has ended, across a restart of the API', async () => {
  const after: bigint[] = [];
  const url = await startApi((router) =>
    router.rpc(OrderService.method.watchOrder, async function* ({ orderId, afterVersion }) {
      after.push(afterVersion);
      if (afterVersion === 0n) {
        yield { order: order(orderId, Order_State.PENDING, 0n) };
        yield {};
        yield { order: order(orderId, Order_State.ACCEPTED, 1n) };
        throw stopping();
      }
      yield { order: order(orderId, Order_State.CANCELLED, 3n) };
    }),
  );
  const { printed, noted, code } = watch(url, 'o-1');
  expect(await code).toBe(0);
  expect(after).toEqual([0n, 1n]);
  expect(noted).toEqual(['Interrupted (the server is stopping); watching again.']);
  expect(printed).toEqual([
    '2025-11-30 00:00:00.000Z  o-1  PENDING     v0  c-1',
    '2025-11-30 00:00:00.000Z  o-1  ACCEPTED    v1  c-1  1403.99',
    '2025-11-30 00:00:00.000Z  o-1  CANCELLED   v3  c-1  1403.99  CLIENT_REQUEST: a mistake',
  ]);
});

test('all orders are watched until the command is interrupted, and from now on when changes are gone', async () => {
  const tokens: string[] = [];
  const tooOld = errorsOf({ WATCH_TOO_OLD: { code: Code.OutOfRange, status: 400, description: '' } });
  const url = await startApi((router) =>
    router.rpc(OrderService.method.watchOrders, async function* ({ customerId, resumeToken }, { signal }) {
      tokens.push(`${customerId} ${resumeToken}`);
      if (tokens.length === 1) {
        yield { resumeToken: 't-0' };
        yield { resumeToken: 't-1', order: order('o-1', Order_State.ACCEPTED, 1n) };
        throw stopping();
      }
      if (resumeToken === 't-1') throw tooOld('WATCH_TOO_OLD', 'too old');
      yield { resumeToken: 't-9', order: order('o-2', Order_State.COMPLETED, 4n) };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    }),
  );
  const { printed, noted, code, interrupt } = watch(url, '--customer', 'c-1');
  await eventually(async () => expect(printed).toHaveLength(2));
  interrupt();
  expect(await code).toBe(0);
  expect(tokens).toEqual(['c-1 ', 'c-1 t-1', 'c-1 ']);
  expect(noted.at(-1)).toMatch(/^Changes were missed/);
});

test('an order that does not exist is said in the words of the API', async () => {
  const notFound = errorsOf({ ORDER_NOT_FOUND: { code: Code.NotFound, status: 404, description: '' } });
  const url = await startApi((router) =>
    // biome-ignore lint/correctness/useYield: it is refused
    router.rpc(OrderService.method.watchOrder, async function* ({ orderId }) {
      throw notFound('ORDER_NOT_FOUND', `order ${orderId} does not exist`);
    }),
  );
  const { noted, code } = watch(url, 'o-9');
  expect(await code).toBe(1);
  expect(noted).toEqual(['The order API refuses: order o-9 does not exist']);
});

test.each([
  [['o-1', 'o-2'], 'At most one order id is expected.'],
  [['o-1', '--customer', 'c-1'], 'Either an order id or --customer is expected.'],
])('wrong usage: %j', async (args, message) => {
  const { noted, code } = watch('http://127.0.0.1:1', ...args);
  expect(await code).toBe(2);
  expect(noted[0]).toBe(message);
});
