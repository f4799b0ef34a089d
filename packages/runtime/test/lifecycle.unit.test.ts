import { expect, onTestFinished, test, vi } from 'vitest';
import { type Component, createLogger, runComponents } from '../src/index.ts';

/** Components that write down what happens to them, and `of` each line of their log. */
function recorder(of: (line: Record<string, unknown>) => unknown = ({ err }) => (err as Error).message) {
  const events: string[] = [];
  const logged: unknown[] = [];
  const logger = createLogger({
    service: 'test',
    level: 'info',
    destination: { write: (line) => void logged.push(of(JSON.parse(line))) },
  });
  function component(name: string, overrides: Partial<Component> = {}): Component {
    return {
      name,
      start: async () => void events.push(`start ${name}`),
      stop: async () => void events.push(`stop ${name}`),
      ...overrides,
    };
  }
  const run = (components: Component[], graceMs = 10_000) => runComponents(components, { logger, graceMs });
  return { events, logged, component, run };
}

const fails = (message: string) => async () => {
  throw new Error(message);
};

test('starts in order and stops in reverse order, once', async () => {
  const { events, component, run } = recorder();
  const all = run([component('a'), component('b'), component('c')]);
  await all.start();
  await Promise.all([all.stop(), all.stop()]);
  expect(events).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
});

test('a start that takes long says what is waited for, and falls silent once it is over', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { logged, component, run } = recorder(({ level, component, ms, msg }) => ({
    level,
    component,
    ms,
    msg,
  }));
  const started = Promise.withResolvers<void>();
  const start = run([component('a'), component('b', { start: () => started.promise })]).start();
  await vi.advanceTimersByTimeAsync(25_000);
  const line = { level: 'warn', component: 'b', msg: 'component is still starting' };
  expect(logged).toEqual([
    { ...line, ms: 10_000 },
    { ...line, ms: 20_000 },
  ]);
  started.resolve();
  await start;
  await vi.advanceTimersByTimeAsync(25_000);
  expect(logged).toHaveLength(2);
});

/** A component whose store comes up after so many tries. */
function waitsFor(tries: number, component: (name: string, overrides: Partial<Component>) => Component) {
  const started: number[] = [];
  const waiting = component('b', {
    isOutage: (error) => (error as Error).message === 'store is unavailable',
    async start() {
      started.push(performance.now());
      if (started.length <= tries) throw new Error('store is unavailable');
    },
  });
  return { waiting, started };
}

test('a start waits for an unavailable store, logs it once, and continues by itself', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { events, logged, component, run } = recorder();
  const { waiting, started } = waitsFor(10, component);
  const start = run([component('a'), waiting, component('c')]).start();
  await vi.advanceTimersByTimeAsync(4_900);
  expect(events).toEqual(['start a']);
  await vi.advanceTimersByTimeAsync(100);
  await start;
  expect(events).toEqual(['start a', 'start c']);
  expect(started).toHaveLength(11);
  expect(logged).toEqual(['store is unavailable']);
});

test('a start gives a store up that stays away for a minute, with the reason', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { events, component, run } = recorder(() => undefined);
  const { waiting } = waitsFor(Number.POSITIVE_INFINITY, component);
  const start = run([component('a'), waiting]).start();
  const failure = expect(start).rejects.toThrow('b did not start: store is unavailable');
  await vi.advanceTimersByTimeAsync(59_000);
  expect(events).toEqual(['start a']);
  await vi.advanceTimersByTimeAsync(2_000);
  await failure;
  expect(events).toEqual(['start a', 'stop a']);
});

test('a start that waits for a store can be stopped', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { events, component, run } = recorder();
  const { waiting, started } = waitsFor(1, component);
  const all = run([component('a'), waiting]);
  const failure = expect(all.start()).rejects.toThrow('b did not start: store is unavailable');
  await vi.advanceTimersByTimeAsync(100);
  const stopping = all.stop();
  await vi.advanceTimersByTimeAsync(1_000);
  await Promise.all([failure, stopping]);
  expect(started).toHaveLength(1);
  expect(events).toEqual(['start a', 'stop a']);
});

test('a failed start stops what had started and says which component it was', async () => {
  const { events, component, run } = recorder();
  const all = run([component('a'), component('b', { start: fails('no broker') }), component('c')]);
  await expect(all.start()).rejects.toThrow('b did not start: no broker');
  expect(events).toEqual(['start a', 'stop a']);
});

test('a failed start keeps its error though a stop fails too', async () => {
  const { logged, component, run } = recorder();
  const all = run([component('a', { stop: fails('stuck') }), component('b', { start: fails('no broker') })]);
  await expect(all.start()).rejects.toThrow('b did not start: no broker');
  expect(logged).toContain('a did not stop: stuck');
});

test('every stop error is logged and reported, none keeps another component from stopping', async () => {
  const { events, logged, component, run } = recorder();
  const all = run([
    component('a'),
    component('b', { stop: fails('one') }),
    component('c', { stop: fails('two') }),
  ]);
  await all.start();
  await expect(all.stop()).rejects.toThrow('c did not stop: two; b did not stop: one');
  expect(logged).toEqual(['c did not stop: two', 'b did not stop: one']);
  expect(events).toContain('stop a');
});

test('a stop that takes too long is given up with the name of the component', async () => {
  const { component, run } = recorder();
  const all = run([component('a', { stop: () => new Promise(() => {}) })], 20);
  await all.start();
  await expect(all.stop()).rejects.toThrow('not stopped within 20 ms, still stopping a');
});

test('a stop during the start waits for the component that is starting and starts no other', async () => {
  const { events, component, run } = recorder();
  const slow = Promise.withResolvers<void>();
  const all = run([component('a', { start: () => slow.promise }), component('b')]);
  const starting = all.start();
  const stopping = all.stop();
  slow.resolve();
  await expect(starting).rejects.toThrow('stopped before b was started');
  await stopping;
  expect(events).toEqual(['stop a']);
});
