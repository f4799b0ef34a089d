import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { PreconditionFailureSchema } from '@orderflow/contracts/google/rpc/error_details';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { createHealth } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { type ErrorReason, errorInfo, refusalErrors } from '../src/index.ts';
import { customerClient, failure, serviceReasons, startServer } from './fixture.ts';

type RefusalReason = ErrorReason | keyof typeof serviceReasons;

class Refusal extends Error {
  readonly reason: RefusalReason;
  readonly metadata = { key: 'value' };
  violations: { type: string; subject: string; description: string }[] = [];

  constructor(reason: RefusalReason, cause?: Error) {
    super('not granted', { cause });
    this.reason = reason;
  }
}

class Outage extends Error {}

/** A server of which every call, unary or streaming, fails with this error. */
async function startFailing(error: Error) {
  const fail = () => Promise.reject(error);
  const started = await startServer({
    implementation: { getCustomer: fail },
    health: { ...createHealth([]), ready: fail },
    isOutage: (thrown) => thrown instanceof Outage,
    refusalError: refusalErrors(Refusal, serviceReasons),
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

test.for(['unary', 'streaming'] as const)('%s: a refusal is the error that has its name', async (kind) => {
  const { calls } = await startFailing(new Refusal('VERSION_MISMATCH'));
  const error = await calls[kind]();
  expect([error.code, error.rawMessage]).toEqual([Code.Aborted, 'not granted']);
  expect(errorInfo(error)).toMatchObject({ reason: 'VERSION_MISMATCH', metadata: { key: 'value' } });
  expect(error.details).toHaveLength(1);
});

test('the violations of a refusal are named, as many as a response can hold, and counted', async () => {
  const refusal = new Refusal('ORDER_REFUSED');
  refusal.violations = Array.from({ length: 200 }, (_, index) => ({
    type: 'OUT_OF_STOCK',
    subject: `lines[${index}].quantity`,
    description: 'x'.repeat(240),
  }));
  const { calls } = await startFailing(refusal);
  const error = await calls.unary();
  expect([error.code, error.rawMessage]).toEqual([Code.FailedPrecondition, 'not granted']);
  expect(errorInfo(error)).toMatchObject({
    reason: 'ORDER_REFUSED',
    metadata: { key: 'value', violations: '200' },
  });
  const named = error.findDetails(PreconditionFailureSchema).flatMap((failure) => failure.violations);
  expect(named.length).toBeGreaterThan(10);
  expect(named).toMatchObject(refusal.violations.slice(0, named.length));
});

test('the cause of a refusal is in the log, not in the response', async () => {
  const cause = new Error('secret address refused');
  const { calls, lines } = await startFailing(new Refusal('DEPENDENCY_UNAVAILABLE', cause));
  const error = await calls.unary();
  expect([error.code, error.rawMessage]).toEqual([Code.Unavailable, 'not granted']);
  expect(errorInfo(error)?.metadata).toEqual({ key: 'value' });
  expect(error.details).toHaveLength(1);
  await eventually(() =>
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        msg: 'call not served',
        reason: 'DEPENDENCY_UNAVAILABLE',
        err: expect.objectContaining({ message: 'secret address refused' }),
      }),
    ),
  );
});

test.for(['unary', 'streaming'] as const)(
  '%s: an outage is UNAVAILABLE; why is in the log, not in the response',
  async (kind) => {
    const { calls, lines } = await startFailing(new Outage('secret address refused'));
    const error = await calls[kind]();
    expect([error.code, errorInfo(error)?.reason]).toEqual([Code.Unavailable, 'DEPENDENCY_UNAVAILABLE']);
    expect(error.rawMessage).toBe('a store is unavailable: repeat later');
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
