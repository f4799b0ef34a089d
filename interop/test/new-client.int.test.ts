import {
  createFileRegistry,
  type DescService,
  fromJson,
  type JsonObject,
  type Message,
  toJson,
} from '@bufbuild/protobuf';
import { Code, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { createRpcServer, type RpcServer } from '@orderflow/rpc';
import { createHealth, createLogger } from '@orderflow/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tomorrowsContract } from '../src/tomorrow.ts';

describe('a client of tomorrow, and a server of today', () => {
  let server: RpcServer;
  let tomorrow: ReturnType<typeof createFileRegistry>;
  let service: DescService;

  beforeAll(async () => {
    tomorrow = createFileRegistry(await tomorrowsContract());
    const found = tomorrow.getService(OrderService.typeName);
    if (!found) throw new Error('the contract has no OrderService');
    service = found;
    server = createRpcServer({
      service: 'today',
      host: '127.0.0.1',
      port: 0,
      services: [OrderService],
      routes: (router) =>
        router.service(OrderService, { getOrder: async ({ orderId }) => ({ order: { orderId } }) }),
      health: createHealth([]),
      prometheus: async () => '',
      logger: createLogger({ service: 'today', level: 'fatal' }),
      drainMs: 0,
      graceMs: 0,
    });
    await server.start();
  });

  afterAll(() => server.stop());

  const transports = {
    'Connect, binary': { useBinaryFormat: true, grpc: false },
    'Connect, JSON': { useBinaryFormat: false, grpc: false },
    'gRPC, binary': { useBinaryFormat: true, grpc: true },
  };

  /** Calls a method by its name in tomorrow's contract. */
  function call(transport: keyof typeof transports, method: string, request: JsonObject) {
    const { grpc, useBinaryFormat } = transports[transport];
    const options = {
      baseUrl: `http://127.0.0.1:${server.port}`,
      httpVersion: '2' as const,
      useBinaryFormat,
    };
    const client: Record<string, unknown> = createClient(
      service,
      grpc ? createGrpcTransport(options) : createConnectTransport(options),
    );
    const desc = service.method[method];
    if (!desc) throw new Error(`OrderService has no ${method}`);
    const send = client[method] as (message: Message) => Promise<Message>;
    return send(fromJson(desc.input, request)).then((response) => toJson(desc.output, response));
  }

  test.for(Object.keys(transports) as (keyof typeof transports)[])(
    'a field of the request that the server does not know is ignored: %s',
    async (transport) => {
      const request = { orderId: 'o-1', language: 'en' };
      expect(await call(transport, 'getOrder', request)).toEqual({ order: { orderId: 'o-1' } });
    },
  );

  test('an RPC that the server does not have is UNIMPLEMENTED', async () => {
    const calling = call('gRPC, binary', 'getArchivedOrder', { orderId: 'o-1' });
    await expect(calling).rejects.toMatchObject({ code: Code.Unimplemented });
  });
});
