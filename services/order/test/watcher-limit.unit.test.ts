import { createContextValues, type HandlerContext } from '@connectrpc/connect';
import { Role } from '@orderflow/contracts/orderflow/access/v1/access';
import { callerKey, errorInfo } from '@orderflow/rpc';
import { createMetrics } from '@orderflow/runtime';
import { expect, test } from 'vitest';
import { createWatcherLimit } from '../src/inbound/rpc/watcher-limit.ts';
import { silent } from './stack-kit.ts';

const limitOf = (maxWatchers: number) =>
  createWatcherLimit(maxWatchers, silent, createMetrics({ service: 'test' }).meter);

/** A call with a token of this role. */
function callOf(role: Role, id: string): HandlerContext {
  const caller = {
    ...{ issuer: 'i', subject: id, customerId: role === Role.CUSTOMER ? 'c-1' : '', id, expiresAt: 0 },
    ...{ roles: new Set([role]), onBehalfOf: undefined },
  };
  return { values: createContextValues().set(callerKey, caller) } as HandlerContext;
}

const open = (call: HandlerContext, count: number, limit = limitOf(1_000)) =>
  Array.from({ length: count }, () => limit.enter(call));

test('a customer has 100 watches, with whatever token, and a service as many as there are', () => {
  const limit = limitOf(1_000);
  const watches = open(callOf(Role.CUSTOMER, 'phone'), 100, limit);
  let refused: unknown;
  try {
    limit.enter(callOf(Role.CUSTOMER, 'laptop'));
  } catch (error) {
    refused = error;
  }
  expect(errorInfo(refused)).toMatchObject({ reason: 'TOO_MANY_WATCHERS', metadata: { limit: '100' } });
  open(callOf(Role.OPERATOR, 'ann'), 100, limit);
  open(callOf(Role.SERVICE, 'shop'), 500, limit);
  watches[0]?.[Symbol.dispose]();
  expect(() => limit.enter(callOf(Role.CUSTOMER, 'laptop'))).not.toThrow();
});

test('without tokens only the limit of the process counts', () => {
  const limit = limitOf(150);
  const call = { values: createContextValues() } as HandlerContext;
  open(call, 150, limit);
  expect(() => limit.enter(call)).toThrow('as many as are allowed');
});
