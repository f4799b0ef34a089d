import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { eventually, privateStack } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { comeBack } from '../src/chaos.ts';
import { hastyTimes, prepareMixes, runMix } from '../src/mix.ts';
import { startWhole, type Whole } from '../src/whole.ts';

let own: Awaited<ReturnType<typeof privateStack>>;
let whole: Whole;

beforeAll(async () => {
  own = await privateStack({ parts: ['kafka', 'mongo', 'postgres', 'redis'] });
  whole = await startWhole('whole-outages', { ...own.urls, ...hastyTimes });
});
afterAll(async () => {
  await whole?.[Symbol.asyncDispose]();
  await own?.[Symbol.asyncDispose]();
});

test('while Kafka is down the API takes orders; they are completed when it is back', async () => {
  await own.parts.kafka.kill();
  const names = Array.from({ length: 20 }, (_, index) => `no-kafka-${index}`);
  for (const orderId of names) await whole.place({ orderId, lines: { 'p-401': 1 } });
  await own.parts.kafka.start();
  // A process ends when the broker is unavailable for too long, and its supervisor restarts it.
  await Promise.all(Object.values(whole.services).map(comeBack));
  for (const orderId of names) {
    const { state } = await whole.ended(orderId);
    expect(state).toBe(Order_State.COMPLETED);
  }
  await whole.expectSound();
});

test('everything killed at once, in the middle of everything, and started again, stores last: all adds up', async () => {
  await prepareMixes(whole, ['all-1', 'all-2']);
  const work = ['all-1', 'all-2'].map((name) => runMix(whole, name));
  await eventually(async () => {
    const [row] = await whole.stores.query<{ count: number }>(
      "select count(*)::int as count from orders where id like 'all-%' and state <> 'PENDING'",
    );
    return (row?.count ?? 0) > 5;
  });
  const parts = Object.values(own.parts);
  const services = Object.values(whole.services);
  await Promise.all([...services.map((service) => service.kill()), ...parts.map((part) => part.kill())]);
  for (const service of services) service.launch();
  // One after the other, Kafka last: whatever a process needs, it waits for it, and none has to be started twice.
  for (const part of parts.toReversed()) await part.start();
  await Promise.all(services.map((service) => service.ready()));
  await Promise.all(work);
  await whole.expectSound();
});
