import { expect, test } from 'vitest';
import {
  childOf,
  currentTrace,
  newTraceparent,
  parseTraceparent,
  withNextSpan,
  withTrace,
} from '../src/index.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const header = `00-${traceId}-00f067aa0ba902b7-01`;

test('a new traceparent is valid, sampled and unique', () => {
  const first = parseTraceparent(newTraceparent());
  expect(first).toMatchObject({ flags: '01' });
  expect(parseTraceparent(newTraceparent())?.traceId).not.toBe(first?.traceId);
});

test('reads the parts, also of a later version with more fields', () => {
  expect(parseTraceparent(header)).toEqual({ traceId, spanId: '00f067aa0ba902b7', flags: '01' });
  expect(parseTraceparent(`cc${header.slice(2)}-more`)?.traceId).toBe(traceId);
});

test.each([
  undefined,
  '',
  'nonsense',
  `${header}-more`,
  `ff${header.slice(2)}`,
  header.toUpperCase(),
  `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
])('takes %s for no traceparent', (malformed) => {
  expect(parseTraceparent(malformed)).toBeUndefined();
});

test('a child keeps trace and flags and has a span of its own', () => {
  const child = parseTraceparent(childOf(header.replace(/01$/, '00')));
  expect(child).toMatchObject({ traceId, flags: '00' });
  expect(child?.spanId).not.toBe('00f067aa0ba902b7');
});

test('a child of nothing readable starts a trace', () => {
  expect(parseTraceparent(childOf('nonsense'))).toBeDefined();
});

test('the trace is there for all that is awaited, and only there', async () => {
  await withTrace({ traceparent: header, orderId: 'o-1' }, async () => {
    await Promise.resolve();
    expect(currentTrace()).toEqual({ traceparent: header, traceId, orderId: 'o-1' });
  });
  expect(currentTrace()).toBeUndefined();
});

test('an inner trace takes over what it does not name', () => {
  withTrace({ traceparent: header, orderId: 'o-1' }, () => {
    withTrace({ orderId: 'o-2' }, () => expect(currentTrace()).toMatchObject({ traceId, orderId: 'o-2' }));
    withTrace({ traceparent: newTraceparent() }, () => {
      expect(currentTrace()?.traceId).not.toBe(traceId);
      expect(currentTrace()?.orderId).toBe('o-1');
    });
  });
});

test('work without a traceparent gets a trace', () => {
  withTrace({ traceparent: undefined }, () =>
    expect(parseTraceparent(currentTrace()?.traceparent)).toBeDefined(),
  );
});

test('ids are unique beyond those drawn at once', () => {
  const ids = Array.from({ length: 2_000 }, () => parseTraceparent(newTraceparent()));
  expect(new Set(ids.map((parts) => parts?.traceId)).size).toBe(ids.length);
  expect(new Set(ids.map((parts) => parts?.spanId)).size).toBe(ids.length);
});

test('the next span keeps the trace, and is the same whenever it is asked for', async () => {
  await withNextSpan(header, async () => {
    const { traceparent } = currentTrace() ?? {};
    expect(parseTraceparent(traceparent)).toMatchObject({ traceId, flags: '01' });
    expect(traceparent).not.toBe(header);
    await Promise.resolve();
    expect(currentTrace()).toMatchObject({ traceparent, traceId });
  });
});

test('the next span of no trace begins one', () => {
  const traceIds = [1, 2].map(() => withNextSpan(undefined, () => currentTrace()?.traceId));
  expect(traceIds[0]).toMatch(/^[\da-f]{32}$/);
  expect(traceIds[1]).not.toBe(traceIds[0]);
});
