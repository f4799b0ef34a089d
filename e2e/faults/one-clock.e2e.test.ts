import { timestampDate } from '@bufbuild/protobuf/wkt';
import { topics } from '@orderflow/contracts';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import type { ServiceName } from '@orderflow/local/system';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWhole, type Whole } from '../src/whole.ts';

/** Hours by which the clocks of these are off. */
const clocks: Partial<Record<ServiceName, number>> = {
  'order-api': -1,
  'order-worker': 1,
  'order-saga': -1,
  inventory: 1,
  payment: -1,
};
let whole: Whole;

beforeAll(async () => {
  whole = await startWhole('one-clock');
  await Promise.all(
    Object.entries(clocks).map(async ([name, hours]) => {
      const service = whole.services[name as ServiceName];
      await service.stop();
      await service.start(clockOffBy(hours * 3_600_000));
    }),
  );
});
afterAll(() => whole?.[Symbol.asyncDispose]());

/** Node's options with which the clock of a process is off. */
function clockOffBy(milliseconds: number) {
  const code = `const Real = Date;
    globalThis.Date = class extends Real {
      constructor(...given) { super(...(given.length === 0 ? [Real.now() + ${milliseconds}] : given)); }
      static now() { return Real.now() + ${milliseconds}; }
    };`;
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(code)}` };
}

test('clocks that are an hour off: what happens to an order is published in the order in which it happens', async () => {
  const began = Date.now();
  const orderId = 'skewed';
  await whole.place({ orderId, lines: { 'p-401': 1 } });
  await whole.ended(orderId, Order_State.COMPLETED);

  const { transitions } = await whole.orders.getOrderHistory({ orderId });
  const times = transitions.map(({ createTime }) => (createTime ? timestampDate(createTime).getTime() : 0));
  expect(times.length).toBeGreaterThanOrEqual(5);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times[0]).toBeGreaterThan(began - 60_000);
  expect(times.at(-1)).toBeLessThan(Date.now() + 60_000);
  const published = await Promise.all(
    [topics.orderEvents, topics.inventoryEvents, topics.paymentEvents].map((topic) =>
      whole.stores.readTopic(topic),
    ),
  );
  const ofOrder = published.flat().filter(({ key }) => key?.toString() === orderId);
  const eventTimes = ofOrder.map(({ headers }) => Date.parse(String(headers['ce_time'])));
  expect(eventTimes.filter((time) => !(time > began - 60_000 && time < Date.now() + 60_000))).toEqual([]);

  await whole.expectSound();
});
