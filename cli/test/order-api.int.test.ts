import { createServer } from 'node:http';
import { hostname, userInfo } from 'node:os';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { CancelReason } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { loadConfig } from '@orderflow/runtime';
import { expect, onTestFinished, test } from 'vitest';
import { settings } from '../src/config.ts';
import { run } from '../src/run.ts';

const me = `${userInfo().username}@${hostname()}`;

async function orders(url: string, ...args: string[]): Promise<{ code: number; said: string }> {
  const said: string[] = [];
  const code = await run(args, loadConfig(settings, { ORDER_API_URL: url }), {
    print: (text) => void said.push(text),
    note: (text) => void said.push(text),
    signal: new AbortController().signal,
  });
  return { code, said: said.join('\n') };
}

/** An order API on a port of its own. */
async function startApi(routes: (router: ConnectRouter) => void): Promise<string> {
  const server = createServer(connectNodeAdapter({ routes }));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

test('retry calls RetryOrder as the user of the terminal, and prints the response', async () => {
  const url = await startApi((router) =>
    router.rpc(OrderService.method.retryOrder, ({ orderId }, { requestHeader }) => ({
      order: { orderId, state: Order_State.PENDING, needsAttention: requestHeader.get('x-caller-id') ?? '' },
    })),
  );
  expect(await orders(url, 'retry', 'o-1')).toEqual({
    code: 0,
    said: `o-1 is PENDING\n  NEEDS ATTENTION: ${me}\n  "pnpm orders show o-1" shows its progress.`,
  });
});

test('cancel hands the reason over, and prints why the order is cancelled', async () => {
  const url = await startApi((router) =>
    router.rpc(OrderService.method.cancelOrder, ({ orderId, reason }, { requestHeader }) => ({
      order: {
        orderId,
        state: Order_State.CANCELLING,
        cancelReason: CancelReason.CLIENT_REQUEST,
        cancelDetail: `${reason}, says ${requestHeader.get('x-caller-id')}`,
      },
    })),
  );
  const { code, said } = await orders(url, 'cancel', 'o-1', '--reason', 'a mistake');
  expect(code).toBe(0);
  expect(said).toContain(`o-1 is CANCELLING, because of CLIENT_REQUEST: a mistake, says ${me}\n`);
});

test('a refusal is said in the words of the API', async () => {
  const url = await startApi((router) =>
    router.rpc(OrderService.method.cancelOrder, () => {
      throw new ConnectError(
        'order o-1 is COMPLETED and cannot be cancelled any more',
        Code.FailedPrecondition,
      );
    }),
  );
  expect(await orders(url, 'cancel', 'o-1', '--reason', 'too late')).toEqual({
    code: 1,
    said: 'The order API refuses: order o-1 is COMPLETED and cannot be cancelled any more',
  });
});

test('an order API that cannot be reached is named with its setting', async () => {
  for (const args of [
    ['retry', 'o-1'],
    ['cancel', 'o-1', '--reason', 'r'],
  ]) {
    const { code, said } = await orders('http://127.0.0.1:1', ...args);
    expect(code).toBe(1);
    expect(said).toMatch(
      /^The order API is unavailable: is it running, and is ORDER_API_URL right\? \(.*ECONNREFUSED/,
    );
  }
});

test.each([
  [['retry'], 'One order id is expected.'],
  [['retry', 'o-1', 'o-2'], 'One order id is expected.'],
  [['cancel', 'o-1'], 'A reason is required: --reason TEXT.'],
  [['cancel', 'o-1', '--reason', ' '], 'A reason is required: --reason TEXT.'],
])('wrong usage: %j', async (args, message) => {
  const { code, said } = await orders('http://127.0.0.1:1', ...args);
  expect(code).toBe(2);
  expect(said).toContain(message);
});
