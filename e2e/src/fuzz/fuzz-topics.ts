import { randomUUID } from 'node:crypto';
import { readers, topics } from '@orderflow/contracts';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { type Clients, untilKnown } from '@orderflow/local/clients';
import { recordOf } from '@orderflow/local/orders';
import type { Stores, TopicRecord } from '@orderflow/local/stores';
import type { System } from '@orderflow/local/system';
import { eventually } from '@orderflow/testing/eventually';
import fc from 'fast-check';
import { untilCaughtUp } from '../caught-up.ts';
import { type HostileRecord, mutants, withId } from './records.ts';

/** The topics to which any process may write. */
export const fuzzedTopics = [
  topics.orders,
  topics.orderEvents,
  topics.inventoryEvents,
  topics.paymentEvents,
] as const;

/** Ids of mutants, as long as those of the valid orders they are made of. No other order has such an id. */
export const mutantPrefix = 'fz-';
const mutantId = (index: number) => `${mutantPrefix}${String(index).padStart(7, '0')}`;
const soundId = (index: number) => `seed-${String(index).padStart(5, '0')}`;

const SEND_AT_ONCE = 100;

/**
 * Writes mutants of valid records to each of the topics, and waits until they were read.
 * @param options.cases the number on each topic.
 */
export async function fuzzTopics(
  { env }: System,
  clients: Clients,
  stores: Stores,
  { cases, seed }: { cases: number; seed: number },
): Promise<void> {
  const sound = await soundRecords(clients, stores);
  for (const topic of fuzzedTopics) {
    const records = sound.get(topic) ?? [];
    if (records.length === 0) throw new Error(`${topic} has no valid record to make mutants of`);
    const made = fc.sample(mutants(records, withMutantId), { seed, numRuns: cases });
    await send(stores, `${env['TOPIC_PREFIX'] ?? ''}${topic}`, made);
  }
  await untilCaughtUp(stores, readers, 300_000);
}

function withMutantId(record: TopicRecord, index: number): TopicRecord {
  const id = /seed-\d{5}/.exec(textOf(record))?.[0];
  if (id === undefined) throw new Error(`the record at ${record.partition}/${record.offset} has no order id`);
  return withId(record, id, mutantId(index));
}

function textOf({ key, value, headers }: TopicRecord): string {
  return [key?.toString('latin1'), value?.toString('latin1'), headers['ce_subject']].join(' ');
}

/** Has some orders completed, rejected and cancelled, and returns their records by topic. */
async function soundRecords(
  { orders }: Clients,
  stores: Stores,
): Promise<ReadonlyMap<string, readonly TopicRecord[]>> {
  const content = (index: number) => ({
    orderId: soundId(index),
    customerId: index % 3 === 0 ? 'c-nobody' : 'c-88',
    lines: [{ productId: `p-${401 + index}`, quantity: index % 3 === 1 ? 1 : 10_000 }],
  });
  const formats = ['protobuf', 'plain_json', 'protobuf_json'] as const;
  const all = formats.flatMap((format, kind) =>
    [0, 1, 2].map((index) => ({
      ...recordOf(content(3 * kind + index), format),
      id: soundId(3 * kind + index),
    })),
  );
  await stores.send(all);
  const ends: readonly Order_State[] = [Order_State.COMPLETED, Order_State.REJECTED, Order_State.CANCELLED];
  for (const { id } of all) {
    await eventually(
      async () => {
        const { order } = await untilKnown(() => orders.getOrder({ orderId: id }));
        return order !== undefined && ends.includes(order.state);
      },
      { timeoutMs: 60_000, intervalMs: 100 },
    );
  }
  await untilCaughtUp(stores, readers, 300_000);
  const found = await Promise.all(
    fuzzedTopics.map(async (topic) => {
      const records = await stores.readTopic(topic);
      return [topic, records.filter((record) => /seed-\d{5}/.test(textOf(record)))] as const;
    }),
  );
  return new Map(found);
}

async function send(stores: Stores, topic: string, records: readonly HostileRecord[]): Promise<void> {
  for (let start = 0; start < records.length; start += SEND_AT_ONCE) {
    const messages = records.slice(start, start + SEND_AT_ONCE).map((record) => ({ ...record }));
    await stores.producer.send({ topic, acks: -1, messages });
  }
}

/**
 * The violations in the output of `orders check --all` that concern no mutant. Those of mutants are true and harmless:
 * headers that refer to an order that does not exist, an order that waits for participants whose part forged events have
 * ended.
 */
export function wrongOfOthers(said: string): string[] {
  const isOfMutant = (line: string) =>
    (line.includes(mutantPrefix) || /( an unknown order|…)$/.test(line)) && !/\b(good|seed)-/.test(line);
  return said.split('\n').filter((line) => line.startsWith('    ') && !isOfMutant(line));
}

/** A prefix for the orders of this run. */
export const ownPrefix = () => `good-${randomUUID().slice(0, 8)}`;
