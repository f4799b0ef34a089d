import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { createHealth } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { errorInfo, rpcError } from '../src/index.ts';
import { customerClient, failure, startServer } from './fixture.ts';

class Refusal extends Error {}
class Outage extends Error {}

/** A server of which every call, unary or streaming, fails with this error. */
async function startFailing(error: Error) {
  const fail = () => Promise.reject(error);
  const started = await startServer({
    implementation: { getCustomer: fail },
    health: { ...createHealth([]), ready: fail },
    isOutage: (thrown) => thrown instanceof Outage,
    explain: (thrown) =>
      thrown instanceof Refusal
        ? rpcError('VERSION_MISMATCH', thrown.message, { current_version: '2' })
        : undefined,
  });
  const transport = createGrpcTransport({ baseUrl: started.url });
  const watchToItsEnd = async () => {
    for await (const _ of createClient(Health, transport).watch({}));
  };
  return {
    ...started,
    calls: {
      unary: () => failure(customerClient(transport).getCustomer({ customerId: 'c-1' })),
      streaming: () => failure(watchToItsEnd()),
    },
  };
}

test.for(['unary', 'streaming'] as const)('%s: a refusal is what the service says it is', async (kind) => {
  const { calls } = await startFailing(new Refusal('it has changed'));
  const error = await calls[kind]();
  expect([error.code, error.rawMessage]).toEqual([Code.Aborted, 'it has changed']);
  expect(errorInfo(error)).toMatchObject({
    reason: 'VERSION_MISMATCH',
    metadata: { current_version: '2' },
  });
});

test.for(['unary', 'streaming'] as const)(
  '%s: an outage is UNAVAILABLE; why is in the log, not in the answer',
  async (kind) => {
    const { calls, lines } = await startFailing(new Outage('secret address refused'));
    const error = await calls[kind]();
    expect([error.code, errorInfo(error)?.reason]).toEqual([Code.Unavailable, 'DEPENDENCY_UNAVAILABLE']);
    expect(error.rawMessage).toBe('a store cannot be reached: repeat later');
    await eventually(() =>
      expect(lines).toContainEqual(
        expect.objectContaining({
          level: 'warn',
          msg: 'call not served',
          err: expect.objectContaining({ message: 'secret address refused' }),
        }),
      ),
    );
  },
);

test.for(['unary', 'streaming'] as const)('%s: any other error is a bug', async (kind) => {
  const { calls } = await startFailing(new Error('secret text of a bug'));
  const error = await calls[kind]();
  expect([error.code, error.rawMessage, errorInfo(error)?.reason]).toEqual([Code.Internal, '', 'INTERNAL']);
});
