import { toJson } from '@bufbuild/protobuf';
import type { FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { GetOrderResponseSchema, OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { startProcess } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { interop } from '../src/builds.ts';
import type { Column } from '../src/cases/case-schema.ts';
import type { Client } from '../src/clients/client.ts';
import { buildContracts } from '../src/clients/contracts.ts';
import { openClients, reasonToSkip } from '../src/clients/open-clients.ts';
import { addedNumber } from '../src/contract-changes.ts';
import { buildExample } from '../src/kafka-examples.ts';
import {
  encodeTomorrowsCancel,
  serveTomorrow,
  type TomorrowServer,
  tomorrowsContract,
  tomorrowsOrder,
  tomorrowsReason,
} from '../src/tomorrow.ts';

let tomorrow: FileDescriptorSet;
let server: TomorrowServer;
let clients: ReadonlyMap<Column, Client>;

beforeAll(async () => {
  tomorrow = await tomorrowsContract();
  server = await serveTomorrow(tomorrow);
  clients = await openClients({ contracts: await buildContracts(), apiUrl: server.url, page: undefined });
}, 900_000);

afterAll(async () => {
  await Promise.all([...(clients?.values() ?? [])].map((client) => client.stop?.()));
  await server?.[Symbol.asyncDispose]();
});

/** Clients whose code, or whose descriptors, are those of today. */
const columns = [
  'grpcurl',
  'buf curl',
  'grpc-js',
  'Connect-ES',
  'connect-go',
  'grpc-go',
  'grpcio',
  'connectrpc',
] as const satisfies readonly Column[];

/** What today's clients know of the order: everything but its state, of which they have the number, and the new field. */
const { giftNote, state, ...knownOfOrder } = tomorrowsOrder;

describe.each(columns)('%s of today, and a server of tomorrow', (column) => {
  const skipped = reasonToSkip(column);
  if (skipped) console.warn(`${column} is skipped: ${skipped}`);

  function call(method: string, orderId: string) {
    const client = clients.get(column);
    if (client === undefined) throw new Error(`${column} was not started`);
    const { url } = server;
    return client.call({
      url,
      service: 'orderflow.order.v1.OrderService',
      method,
      request: { orderId },
      headers: {},
    });
  }

  test.skipIf(skipped !== undefined)('a response with a new field and a new state is read', async () => {
    const { code, messages } = await call('GetOrder', tomorrowsOrder.orderId);
    expect(code).toBe('ok');
    expect(messages).toEqual([{ order: { ...knownOfOrder, state: addedNumber } }]);
  });

  test.skipIf(skipped !== undefined)('so is a message of a stream', async () => {
    const { code, messages } = await call('WatchOrder', tomorrowsOrder.orderId);
    expect(code).toBe('ok');
    expect(messages).toEqual([{ order: { ...knownOfOrder, state: addedNumber } }]);
  });

  test.skipIf(skipped !== undefined)(
    'an error has its code and reason, also with a detail of a new type',
    async () => {
      const { code, message, details } = await call('GetOrder', 'o-1');
      expect({ code, message }).toEqual({ code: 'not_found', message: 'the order is archived' });
      expect(details).toContainEqual(
        expect.objectContaining({ reason: tomorrowsReason, domain: 'orderflow' }),
      );
    },
  );
});

test('JSON has the state by its name: a client of today reads the order without it', async () => {
  const transport = createConnectTransport({
    baseUrl: server.url,
    httpVersion: '1.1',
    useBinaryFormat: false,
  });
  const orders = createClient(OrderService, transport);
  const response = await orders.getOrder({ orderId: tomorrowsOrder.orderId });
  expect(toJson(GetOrderResponseSchema, response)).toEqual({ order: knownOfOrder });
});

test('Java reads an event with a new field and a new reason, and passes both on', {
  timeout: 300_000,
}, async () => {
  const { folder } = await buildExample('Java');
  const event = encodeTomorrowsCancel(tomorrow);
  const java = startProcess({
    command: 'sh',
    args: [
      '-c',
      `printf '${[...event].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}' | exec java -cp 'target/classes:target/libs/*' "${interop}/java/ReadTomorrow.java"`,
    ],
    cwd: folder,
  });
  expect(await java.exited, java.output()).toEqual({ code: 0, signal: null });
  expect(java.output().trim().split('\n')).toEqual([
    'o-tomorrow 3 UNRECOGNIZED 1000',
    Buffer.from(event).toString('hex'),
  ]);
});
