import { hostname, userInfo } from 'node:os';
import { Code, ConnectError } from '@connectrpc/connect';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { CancelReason } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { loadConfig } from '@orderflow/runtime';
import { describe, expect, test } from 'vitest';
import { createCallHeaders } from '../src/call-headers.ts';
import { readLedger } from '../src/check/read-shared-facts.ts';
import { settings } from '../src/config.ts';
import { run } from '../src/run.ts';
import { listen, startApi } from './stub-api.ts';

const me = `${userInfo().username}@${hostname()}`;

const orders = (url: string, ...args: string[]) => ordersWith({ ORDER_API_URL: url }, ...args);

async function ordersWith(
  env: Record<string, string>,
  ...args: string[]
): Promise<{ code: number; said: string }> {
  const said: string[] = [];
  const code = await run(args, loadConfig(settings, env), {
    print: (text) => void said.push(text),
    note: (text) => void said.push(text),
    signal: new AbortController().signal,
  });
  return { code, said: said.join('\n') };
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

describe('where the API wants tokens', () => {
  /** An issuer that knows one client. */
  const startIssuer = () =>
    listen((request, response) => {
      const known = `Basic ${Buffer.from('cli:its-secret').toString('base64')}`;
      response.statusCode = request.headers.authorization === known && request.url === '/token' ? 200 : 401;
      response.end(JSON.stringify({ access_token: 'from-the-issuer', expires_in: 60 }));
    });

  /** An order API that accepts these tokens, and prints who has called. */
  const startStrictApi = (...accepted: string[]) =>
    startApi((router) =>
      router.rpc(OrderService.method.retryOrder, ({ orderId }, { requestHeader }) => {
        const token = requestHeader.get('authorization');
        if (token === 'Bearer of-a-customer')
          throw new ConnectError('RetryOrder needs the role operator', Code.PermissionDenied);
        if (!accepted.includes(token ?? '')) throw new ConnectError('it has expired', Code.Unauthenticated);
        const needsAttention = `called by ${requestHeader.get('x-caller-id')}`;
        return { order: { orderId, state: Order_State.PENDING, needsAttention } };
      }),
    );

  const clientOf = (issuer: string, secret = 'its-secret') => ({
    AUTH_ISSUER: issuer,
    AUTH_CLIENT_ID: 'cli',
    AUTH_CLIENT_SECRET: secret,
  });

  test('a command has a token of its client, and the name of its operator', async () => {
    const ORDER_API_URL = await startStrictApi('Bearer from-the-issuer');
    const { code, said } = await ordersWith(
      { ORDER_API_URL, ...clientOf(await startIssuer()) },
      'retry',
      'o-1',
    );
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining(`called by ${me}`) });
  });

  test('ORDERS_TOKEN comes first, and needs no issuer', async () => {
    const ORDER_API_URL = await startStrictApi('Bearer of-ann');
    for (const client of [{}, clientOf('http://127.0.0.1:1')]) {
      const env = { ORDER_API_URL, ORDERS_TOKEN: 'of-ann', ...client };
      expect(await ordersWith(env, 'retry', 'o-1')).toMatchObject({ code: 0 });
    }
  });

  test('without a token, with a bad one or with that of a customer, one line says what to do', async () => {
    const ORDER_API_URL = await startStrictApi();
    expect(await ordersWith({ ORDER_API_URL }, 'retry', 'o-1')).toEqual({
      code: 1,
      said: 'The order API wants a token: set AUTH_ISSUER, AUTH_CLIENT_ID and AUTH_CLIENT_SECRET, or ORDERS_TOKEN.',
    });
    expect(await ordersWith({ ORDER_API_URL, ORDERS_TOKEN: 'old' }, 'retry', 'o-1')).toEqual({
      code: 1,
      said: 'The order API refuses the token of ORDERS_TOKEN: set one of the issuer and for the audience that it accepts. (it has expired)',
    });
    expect(await ordersWith({ ORDER_API_URL, ORDERS_TOKEN: 'of-a-customer' }, 'retry', 'o-1')).toEqual({
      code: 1,
      said: 'The order API does not allow this to the token of ORDERS_TOKEN: use one with the role that is needed. (RetryOrder needs the role operator)',
    });
    const { code, said } = await ordersWith(
      { ORDER_API_URL, ...clientOf(await startIssuer()) },
      'retry',
      'o-1',
    );
    expect({ code, said }).toEqual({
      code: 1,
      said: expect.stringContaining('token of AUTH_CLIENT_ID (cli)'),
    });
  });

  test('an issuer that gives no token is named, with its cause', async () => {
    const ORDER_API_URL = await startStrictApi();
    const issuer = await startIssuer();
    const wrong = await ordersWith({ ORDER_API_URL, ...clientOf(issuer, 'guessed') }, 'retry', 'o-1');
    expect(wrong).toEqual({
      code: 1,
      said: `${issuer}/token gives no token to cli: is it running, and are AUTH_TOKEN_URL, AUTH_CLIENT_ID and AUTH_CLIENT_SECRET right? (the status is 401)`,
    });
    const away = await ordersWith({ ORDER_API_URL, ...clientOf('http://127.0.0.1:2') }, 'retry', 'o-1');
    expect(away).toEqual({ code: 1, said: expect.stringMatching(/gives no token to cli.*ECONNREFUSED/) });
  });

  test('the ledger of the gateway is read with a token, every page of it', async () => {
    const seen: (string | null)[] = [];
    const GATEWAY_URL = await startApi((router) =>
      router.rpc(GatewayService.method.listLedger, ({ pageToken }, { requestHeader }) => {
        seen.push(requestHeader.get('authorization'));
        if (seen.at(-1) !== 'Bearer of-ann') throw new ConnectError('no', Code.Unauthenticated);
        return { nextPageToken: pageToken === '' ? 'more' : '' };
      }),
    );
    const cliWith = (env: Record<string, string>) => {
      const config = loadConfig(settings, { GATEWAY_URL, ...env });
      return { config, callHeaders: createCallHeaders(config) };
    };
    await readLedger(cliWith({ ORDERS_TOKEN: 'of-ann' }), () => {});
    expect(seen).toEqual(['Bearer of-ann', 'Bearer of-ann']);
    await expect(readLedger(cliWith({}), () => {})).rejects.toThrow('The payment gateway wants a token: set');
  });

  test('the issuer may be missing, whatever HOST is: the commands listen nowhere', () => {
    expect(loadConfig(settings, { HOST: '0.0.0.0' }).authIssuer).toBeUndefined();
  });
});
