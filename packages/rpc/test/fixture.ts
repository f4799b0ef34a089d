import {
  type Client,
  Code,
  type ConnectError,
  createClient,
  type ServiceImpl,
  type Transport,
} from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { type Component, createHealth, createLogger, createMetrics } from '@orderflow/runtime';
import { onTestFinished } from 'vitest';
import { createRpcServer, errorsOf, type RpcServerOptions } from '../src/index.ts';

export type LogLine = Record<string, unknown> & { msg: string };

/** A logger that keeps its lines. */
export function recordingLogger() {
  const lines: LogLine[] = [];
  const logger = createLogger({
    service: 'test',
    level: 'debug',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  return { logger, lines };
}

/** The reasons of the service under test. */
export const serviceReasons = {
  CUSTOMER_NOT_FOUND: { code: Code.NotFound, status: 404, description: 'No customer has this id.' },
  ORDER_REFUSED: { code: Code.FailedPrecondition, status: 422, description: 'The order would be rejected.' },
  VERSION_MISMATCH: {
    code: Code.Aborted,
    status: 412,
    description: 'The resource has changed since it was read.',
  },
};
export const serviceError = errorsOf(serviceReasons);

/** What the service under test does; ids choose the behaviour. */
export const customers: Partial<ServiceImpl<typeof CustomerService>> = {
  async getCustomer({ customerId }) {
    switch (customerId) {
      case 'missing':
        throw serviceError('CUSTOMER_NOT_FOUND', 'no such customer', { customer_id: customerId });
      case 'bug':
        throw new TypeError('secret text of a bug');
      default:
        return { customer: { customerId, name: 'Ann' } };
    }
  },
  async batchGetCustomers({ customerIds }) {
    return { customers: customerIds.map((customerId) => ({ customerId })) };
  },
};

/** A started server on a free port; stopped when the test ends. */
export async function startServer(
  overrides: Partial<RpcServerOptions> & { components?: Component[]; implementation?: typeof customers } = {},
) {
  const { logger, lines } = recordingLogger();
  const metrics = createMetrics({ service: 'test' });
  const health = createHealth(overrides.components ?? []);
  const server = createRpcServer({
    service: 'test',
    host: '127.0.0.1',
    port: 0,
    routes: (router) => router.service(CustomerService, overrides.implementation ?? customers),
    services: [CustomerService],
    health,
    prometheus: metrics.prometheus,
    meter: metrics.meter,
    logger,
    drainMs: 0,
    graceMs: 2000,
    ...overrides,
  });
  await server.start();
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= server.stop());
  onTestFinished(stop);
  return { server, url: `http://127.0.0.1:${server.port}`, port: server.port, lines, metrics, health, stop };
}

export const protocols: Record<string, (baseUrl: string) => Transport> = {
  'gRPC over HTTP/2': (baseUrl) => createGrpcTransport({ baseUrl }),
  'gRPC-Web over HTTP/2': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '2' }),
  'gRPC-Web over HTTP/1.1': (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
  'Connect over HTTP/2': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '2' }),
  'Connect over HTTP/1.1': (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1' }),
  'Connect JSON over HTTP/1.1': (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
};

export function customerClient(transport: Transport): Client<typeof CustomerService> {
  return createClient(CustomerService, transport);
}

/** The error of a call that must fail. */
export async function failure(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => {
      throw new Error('the call succeeded');
    },
    (error: ConnectError) => error,
  );
}
