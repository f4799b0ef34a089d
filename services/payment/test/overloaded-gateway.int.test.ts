import { createClient } from '@connectrpc/connect';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { createRpcServer, createRpcTransport } from '@orderflow/rpc';
import { createHealth, createMetrics } from '@orderflow/runtime';
import { expect, test } from 'vitest';
import type { Call } from '../src/domain/input.ts';
import { createGateway } from '../src/outbound/gateway.ts';
import { quietLogger } from './running-payment.ts';
import { states } from './states.ts';

test.each<Call>([
  { kind: 'CHARGE', number: 1, key: 'o-1:1' },
  { kind: 'VOID', number: 2, key: 'o-1:1' },
  { kind: 'REFUND', number: 2, key: 'o-1:refund' },
])('a $kind that an overloaded gateway refuses was not done, which is known', async (call) => {
  let done = 0;
  function carryOut() {
    done++;
    return {};
  }
  const server = createRpcServer({
    service: 'gateway',
    host: '127.0.0.1',
    port: 0,
    routes: (router) =>
      router.service(GatewayService, { charge: carryOut, voidCharge: carryOut, refundCharge: carryOut }),
    services: [GatewayService],
    health: createHealth([]),
    prometheus: createMetrics({ service: 'test' }).prometheus,
    logger: quietLogger,
    limits: { maxCalls: 0 },
    drainMs: 0,
    graceMs: 1_000,
  });
  await server.start();
  const transport = createRpcTransport({
    name: 'gateway',
    baseUrl: `http://127.0.0.1:${server.port}`,
    policies: { retries: 0 },
    logger: quietLogger,
  });
  try {
    const outcome = await createGateway(createClient(GatewayService, transport)).call(
      states['refunding, cancelled'],
      call,
    );
    expect(outcome).toEqual({ kind: 'unreachable', detail: expect.stringContaining('overloaded') });
    expect(done).toBe(0);
  } finally {
    transport.close();
    await server.stop();
  }
});
