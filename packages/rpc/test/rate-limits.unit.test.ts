import { Code, type ConnectError } from '@connectrpc/connect';
import { RetryInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import { Role } from '@orderflow/contracts/orderflow/access/v1/access';
import { createMetrics } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing';
import { describe, expect, test } from 'vitest';
import { createRateLimits, type LimitedCaller } from '../src/access/rate-limits.ts';
import type { SharedCounts } from '../src/access/shared-counts.ts';
import { errorInfo } from '../src/index.ts';
import { toProblem } from '../src/rest/problem.ts';
import { recordingLogger } from './fixture.ts';

type Options = Parameters<typeof createRateLimits>[0];

const withRoles =
  (...roles: Role[]) =>
  (name: string): LimitedCaller => ({ id: name, roles: new Set(roles), customerId: name });
const customer = withRoles(Role.CUSTOMER);
const operator = withRoles(Role.OPERATOR);
const service = withRoles(Role.SERVICE);

/** Limits with a clock that stands still, until `pass`. 50 calls a second: 100 may come at once. */
function limitsWith(options: Partial<Options> = {}) {
  const { logger, lines } = recordingLogger();
  let time = 1_000_000;
  const limits = createRateLimits({
    ...{ perCaller: 50, perService: 'off', logger },
    now: () => time,
    ...options,
  });
  const pass = (ms: number) => {
    time += ms;
  };
  return { limits, lines, pass };
}

/** How many of `calls` were allowed, and the error of the last that was refused. */
function flood(
  { take }: Pick<ReturnType<typeof createRateLimits>, 'take'>,
  caller: LimitedCaller,
  calls: number,
  weight = 1,
) {
  let allowed = 0;
  let refusal: ConnectError | undefined;
  for (let n = 0; n < calls; n++) {
    try {
      take(caller, weight);
      allowed++;
    } catch (error) {
      refusal = error as ConnectError;
    }
  }
  return { allowed, refusal };
}

/** Shared counts in which nothing is known, and what was added to them. */
function storeOf(add: SharedCounts['add'] = async (_, points) => ({ points, endsInMs: 2_000 })) {
  const added: (readonly [string, number])[] = [];
  const shared: SharedCounts = {
    windowMs: 2_000,
    add(key, points) {
      added.push([key, points]);
      return add(key, points);
    },
  };
  return { shared, added };
}

describe('a caller', () => {
  test('is refused above its limit until the time is over, with the time after which to repeat', () => {
    const { limits, pass } = limitsWith();
    expect(flood(limits, customer('c-1'), 60).allowed).toBe(60);
    pass(700);
    const { allowed, refusal } = flood(limits, customer('c-1'), 60);
    expect(allowed).toBe(40);
    expect(refusal?.code).toBe(Code.ResourceExhausted);
    expect(errorInfo(refusal)).toMatchObject({ reason: 'RATE_LIMITED', metadata: { limit: '50' } });
    const [retry] = refusal?.findDetails(RetryInfoSchema) ?? [];
    expect(retry?.retryDelay).toMatchObject({ seconds: 1n, nanos: 300_000_000 });
    pass(1_299);
    expect(flood(limits, customer('c-1'), 1).allowed).toBe(0);
    pass(1);
    expect(flood(limits, customer('c-1'), 200).allowed).toBe(100);
  });

  test('gets 429 with Retry-After over REST', () => {
    const { limits, pass } = limitsWith();
    pass(100);
    const { refusal } = flood(limits, customer('c-1'), 101);
    const { status, headers, body } = toProblem(refusal as ConnectError, {});
    expect(status).toBe(429);
    expect(headers).toEqual({ 'retry-after': '2' });
    expect(body).toMatchObject({ error: 'rate_limited', metadata: { limit: '50' } });
  });

  test('has its limit to itself, and refused calls do not count', () => {
    const { limits, pass } = limitsWith();
    expect(flood(limits, customer('c-1'), 500).allowed).toBe(100);
    // Another with the same name, too.
    for (const other of [customer('c-2'), operator('c-1'), operator('ann')])
      expect(flood(limits, other, 500).allowed).toBe(100);
    pass(2_000);
    expect(flood(limits, customer('c-1'), 500).allowed).toBe(100);
  });

  test('that is a customer shares its limit with all that call for the customer', () => {
    const { limits } = limitsWith();
    const [ann, bob] = ['ann', 'bob'].map((id) => ({ ...customer('c-1'), id })) as [
      LimitedCaller,
      LimitedCaller,
    ];
    expect(flood(limits, ann, 60).allowed).toBe(60);
    expect(flood(limits, bob, 60).allowed).toBe(40);
    // Without an id of a customer it is a caller like others.
    for (const id of ['ann', 'bob']) expect(flood(limits, { ...customer(''), id }, 110).allowed).toBe(100);
  });

  test('that is more than a customer has the limit of its other role', () => {
    const { limits } = limitsWith({ perCaller: 1 });
    const both = withRoles(Role.CUSTOMER, Role.OPERATOR);
    expect(flood(limits, both('c-1'), 5).allowed).toBe(2);
    expect(flood(limits, customer('c-1'), 5).allowed).toBe(2);
    expect(flood(limits, operator('c-1'), 5).allowed).toBe(0);
    expect(flood(limits, withRoles(Role.OPERATOR, Role.SERVICE)('c-1'), 500).allowed).toBe(500);
  });

  test('uses up as much as its calls weigh', () => {
    const { limits } = limitsWith();
    expect(flood(limits, customer('c-1'), 500, 10).allowed).toBe(10);
    expect(flood(limits, customer('c-2'), 7, 14).allowed).toBe(7);
    // Two remain: not enough for a heavy one.
    expect(flood(limits, customer('c-2'), 1, 14).allowed).toBe(0);
    expect(flood(limits, customer('c-2'), 5).allowed).toBe(2);
  });

  test('may make one call at a time that weighs more than its whole limit', () => {
    const { limits, pass } = limitsWith({ perCaller: 1 });
    expect(flood(limits, customer('c-1'), 3, 50).allowed).toBe(1);
    pass(2_000);
    expect(flood(limits, customer('c-1'), 3, 50).allowed).toBe(1);
  });
});

test('services have a limit of their own, and either can be off', () => {
  const { limits } = limitsWith({ perCaller: 'off', perService: 200 });
  expect(flood(limits, customer('c-1'), 5_000).allowed).toBe(5_000);
  expect(flood(limits, operator('ann'), 5_000).allowed).toBe(5_000);
  expect(flood(limits, service('shop'), 5_000).allowed).toBe(400);
  expect(flood(limitsWith().limits, service('shop'), 5_000).allowed).toBe(5_000);
});

describe('memory', () => {
  test('of more than 10,000 callers those that have not called for longest are forgotten', () => {
    const { limits } = limitsWith();
    flood(limits, customer('first'), 101);
    flood(limits, customer('second'), 101);
    for (let n = 2; n < 10_000; n++) limits.take(customer(`c-${n}`), 1);
    expect(flood(limits, customer('first'), 1).allowed).toBe(0);
    limits.take(customer('one more'), 1);
    expect(flood(limits, customer('first'), 1).allowed).toBe(0);
    expect(flood(limits, customer('second'), 1).allowed).toBe(1);
  });

  test('a caller whose window has begun again is not one that began first', () => {
    const { limits, pass } = limitsWith();
    limits.take(customer('old'), 1);
    pass(2_000);
    limits.take(customer('next'), 1);
    flood(limits, customer('old'), 101);
    for (let n = 2; n < 10_001; n++) limits.take(customer(`c-${n}`), 1);
    expect(flood(limits, customer('old'), 1).allowed).toBe(0);
  });

  test('names may be long: only their hash is kept', () => {
    const { shared, added } = storeOf();
    const { limits } = limitsWith({ shared });
    const [one, other] = ['1', '2'].map((end) => customer('c'.repeat(100_000) + end)) as [
      LimitedCaller,
      LimitedCaller,
    ];
    expect(flood(limits, one, 101).allowed).toBe(100);
    expect(flood(limits, other, 101).allowed).toBe(100);
    expect(added.map(([key]) => key.length)).toEqual([52, 52]);
  });
});

describe('shared counts', () => {
  test('get every twentieth of the limit, one message at a time, and none for refused calls', async () => {
    const sent: ReturnType<typeof Promise.withResolvers<void>>[] = [];
    const { shared, added } = storeOf(async (_, points) => {
      const one = Promise.withResolvers<void>();
      sent.push(one);
      await one.promise;
      return { points: sent.length === 1 ? points : 96, endsInMs: 2_000 };
    });
    const { limits } = limitsWith({ shared });
    flood(limits, customer('c-1'), 4);
    expect(added).toEqual([]);
    flood(limits, customer('c-1'), 90);
    expect(added).toEqual([['customer:c-1', 5]]);
    sent[0]?.resolve();
    await eventually(() => added.length === 2);
    expect(added[1]).toEqual(['customer:c-1', 89]);
    sent[1]?.resolve();
    await new Promise(setImmediate);
    // Others have made two.
    expect(flood(limits, customer('c-1'), 500).allowed).toBe(4);
    expect(added).toHaveLength(2);
  });

  test('get nothing from a caller that makes few calls, however long', () => {
    const { shared, added } = storeOf();
    const { limits, pass } = limitsWith({ shared });
    for (let n = 0; n < 100; n++) {
      flood(limits, customer('c-1'), 4);
      pass(2_000);
    }
    expect(added).toEqual([]);
  });

  test('say how much others have used, and when their time is over', async () => {
    const { shared } = storeOf(async (_, points) => ({ points: 90 + points, endsInMs: 500 }));
    const { limits, pass } = limitsWith({ shared });
    // The last two are on no message yet.
    expect(flood(limits, customer('c-1'), 7).allowed).toBe(7);
    await new Promise(setImmediate);
    const { allowed, refusal } = flood(limits, customer('c-1'), 20);
    expect(allowed).toBe(3);
    expect(refusal?.findDetails(RetryInfoSchema)[0]?.retryDelay?.nanos).toBe(500_000_000);
    pass(500);
    expect(flood(limits, customer('c-1'), 1).allowed).toBe(1);
  });

  test.for([-1, 3_600_000])('that end in %i ms are none: they are of no window', async (endsInMs) => {
    const { shared } = storeOf(async () => ({ points: 1_000_000, endsInMs }));
    const { limits, pass } = limitsWith({ shared });
    for (let window = 0; window < 3; window++) {
      expect(flood(limits, customer('c-1'), 50).allowed).toBe(50);
      await new Promise(setImmediate);
      expect(flood(limits, customer('c-1'), 60).allowed).toBe(50);
      pass(2_000);
    }
  });

  test('that fail are not asked again for a second, then once', async () => {
    let fails = true;
    const { shared, added } = storeOf(async (_, points) => {
      if (fails) throw new Error('unavailable');
      return { points, endsInMs: 2_000 };
    });
    const { limits, pass } = limitsWith({ shared });
    expect(flood(limits, customer('c-1'), 200).allowed).toBe(100);
    await new Promise(setImmediate);
    pass(999);
    for (let n = 0; n < 50; n++) flood(limits, customer(`other-${n}`), 200);
    expect(added).toHaveLength(1);
    pass(1);
    fails = false;
    for (let n = 0; n < 50; n++) flood(limits, customer(`more-${n}`), 200);
    expect(added).toHaveLength(2);
    await new Promise(setImmediate);
    for (const name of ['second', 'third']) flood(limits, customer(name), 5);
    expect(added.slice(-2)).toEqual([
      ['customer:second', 5],
      ['customer:third', 5],
    ]);
  });

  test('that never respond keep nothing waiting, and few messages are on their way', () => {
    const { shared, added } = storeOf(() => new Promise(() => {}));
    const { limits } = limitsWith({ shared });
    for (let n = 0; n < 1_000; n++) expect(flood(limits, customer(`c-${n}`), 101).allowed).toBe(100);
    expect(added).toHaveLength(64);
  });
});

test('refused calls are counted by role, and the log names callers, a few of them', async () => {
  const metrics = createMetrics({ service: 'test' });
  const { limits, lines } = limitsWith({ meter: metrics.meter });
  flood(limits, customer('c-1'), 110);
  flood(limits, operator('msg'), 101);
  for (let n = 0; n < 20; n++) flood(limits, customer(`more-${n}`), 101);
  await eventually(() => lines.length > 0);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ level: 'warn', 'customer c-1': 10, 'operator msg': 1, others: 12 });
  const text = await metrics.prometheus();
  expect(text).toMatch(/orderflow_rpc_calls_rate_limited_total\{.*role="customer".*\} 30/);
  expect(text).toMatch(/orderflow_rpc_calls_rate_limited_total\{.*role="operator".*\} 1/);
});
