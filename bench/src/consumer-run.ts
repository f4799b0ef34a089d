import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import type { PlainOrder } from './orders.ts';
import { cpuSeconds, residentMiB, treeCpuSeconds } from './processes.ts';

/** The cost of processing a backlog. */
export interface ConsumerRun {
  readonly orders: number;
  readonly seconds: number;
  /** CPU of the consumer process. */
  readonly cpuSeconds: number;
  /** CPU of the consumer, the other processes of the system and the stores. */
  readonly allCpuSeconds: number;
  readonly residentMiB: number;
}

/** A consumer that reads a topic in its own process and commits to a group. */
export interface Subject {
  readonly topic: string;
  readonly group: string;
  readonly pid: number;
  freeze(): void;
  thaw(): void;
}

/** The broker of a benchmark. */
export interface Broker {
  createTopic(topic: string): Promise<void>;
  send(topic: string, orders: readonly PlainOrder[]): Promise<void>;
  /** Records that a group has not committed yet. */
  lag(topic: string, group: string): Promise<number>;
  close(): Promise<void>;
}

const sendSize = 2_000;

export async function connectBroker(brokers: string): Promise<Broker> {
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const producer: Producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const admin: Admin = kafka.admin();
  await Promise.all([producer.connect(), admin.connect()]);
  return {
    async createTopic(topic) {
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 3 }] });
    },
    async send(topic, orders) {
      for (let start = 0; start < orders.length; start += sendSize) {
        const messages = orders
          .slice(start, start + sendSize)
          .map((order) => ({ value: JSON.stringify(order) }));
        await producer.send({ topic, acks: -1, messages });
      }
    },
    async lag(topic, group) {
      const ends = await admin.fetchTopicOffsets(topic);
      const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      return ends.reduce((sum, { partition, high }) => {
        const offset = committed?.partitions.find((each) => each.partition === partition)?.offset ?? '-1';
        return sum + Number(high) - Math.max(0, Number(offset));
      }, 0);
    },
    async close() {
      await Promise.all([producer.disconnect(), admin.disconnect()]);
    },
  };
}

/** Waits until a group has committed everything; `onLag` is called with every measured lag. */
export async function untilDrained(
  broker: Broker,
  subject: Subject,
  onLag: (lag: number) => void = () => {},
): Promise<void> {
  for (;;) {
    const lag = await broker.lag(subject.topic, subject.group);
    onLag(lag);
    if (lag === 0) return;
    await sleep(20);
  }
}

/**
 * Measures how a consumer processes a backlog: it is frozen while the backlog is written, so that writing does not
 * count. `everything`: the ancestor of all processes of the system and the stores.
 */
export async function measureBacklog(
  broker: Broker,
  subject: Subject,
  orders: readonly PlainOrder[],
  allCpu: () => number,
): Promise<ConsumerRun> {
  subject.freeze();
  await broker.send(subject.topic, orders);
  const before = { cpu: cpuSeconds(subject.pid), all: allCpu() };
  const began = performance.now();
  subject.thaw();
  await untilDrained(broker, subject);
  return {
    orders: orders.length,
    seconds: (performance.now() - began) / 1000,
    cpuSeconds: cpuSeconds(subject.pid) - before.cpu,
    allCpuSeconds: allCpu() - before.all,
    residentMiB: residentMiB(subject.pid),
  };
}

/** CPU seconds of all processes in these trees. */
export function sumOfTrees(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + treeCpuSeconds(pid), 0);
}
