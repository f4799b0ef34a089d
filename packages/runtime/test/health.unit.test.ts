import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Component, createHealth } from '../src/index.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function component(name: string, check?: () => Promise<void>): Component {
  return { name, async start() {}, async stop() {}, ...(check && { check }) };
}

test('ready when every check passes; components without a check are not listed', async () => {
  const health = createHealth([component('postgres', async () => {}), component('relay')]);
  expect(await health.ready()).toEqual({
    ready: true,
    draining: false,
    checks: { postgres: { ok: true, ms: expect.any(Number) } },
  });
});

test('one failing check says why, the others are still reported', async () => {
  const health = createHealth([
    component('postgres', async () => {
      throw new Error('refused by postgres://app:s3cret@db/x');
    }),
    component('kafka', async () => {}),
  ]);
  const { ready, checks } = await health.ready();
  expect(ready).toBe(false);
  expect(checks.postgres).toMatchObject({ ok: false, error: 'refused by postgres://app:***@db/x' });
  expect(checks.kafka).toMatchObject({ ok: true });
  expect(health.live()).toEqual({ live: true });
});

test('a check that throws at once is a failed check', async () => {
  const broken = component('postgres', () => {
    throw new Error('not connected');
  });
  expect((await createHealth([broken]).ready()).checks.postgres).toMatchObject({
    ok: false,
    error: 'not connected',
  });
});

test('a check that hangs fails after a second and is not called again until it has settled', async () => {
  const reply = Promise.withResolvers<void>();
  const check = vi.fn(() => reply.promise);
  const health = createHealth([component('kafka', check)]);

  for (let probe = 0; probe < 3; probe += 1) {
    const probing = health.ready();
    await vi.advanceTimersByTimeAsync(1000);
    expect((await probing).checks.kafka).toEqual({
      ok: false,
      error: 'no result within 1000 ms',
      ms: 1000,
    });
    await vi.advanceTimersByTimeAsync(500);
  }
  expect(check).toHaveBeenCalledTimes(1);

  reply.resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect((await health.ready()).ready).toBe(true);
  expect(check).toHaveBeenCalledTimes(2);
});

test('results are shared by simultaneous probes and kept for 500 ms', async () => {
  const check = vi.fn(async () => {});
  const health = createHealth([component('postgres', check)]);
  await Promise.all([health.ready(), health.ready()]);
  await vi.advanceTimersByTimeAsync(499);
  await health.ready();
  expect(check).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  await health.ready();
  expect(check).toHaveBeenCalledTimes(2);
});

test('draining is not ready at once, though the checks pass and are cached', async () => {
  const health = createHealth([component('postgres', async () => {})]);
  await health.ready();
  health.drain();
  expect(health.draining).toBe(true);
  expect(await health.ready()).toMatchObject({
    ready: false,
    draining: true,
    checks: { postgres: { ok: true } },
  });
});
