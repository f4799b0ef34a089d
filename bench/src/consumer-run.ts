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
  /** CPU of all processes that do its work, until its events are published. */
  readonly allCpuSeconds: number;
  readonly residentMiB: number;
}

/** A consumer that reads a topic in its own process and commits to a group. */
export interface Subject {
  readonly topic: string;
  readonly group: string;
  readonly pid: number;
  /** Its process, and every other that does its work: relay, view, enrichment API and stores. */
  readonly all: readonly number[];
  freeze(): void;
  thaw(): void;
  /** Processes that continue its work: frozen until it has committed everything, so that they take no time from it. */
  readonly followers: readonly { freeze(): void; thaw(): void }[];
  /** Resolves when what follows from its commits is done too: its events are published. */
  settle(): Promise<void>;
}

/** The broker of a benchmark. */
export interface Broker {
  createTopic(topic: string): Promise<void>;
  /** Sends orders, or the values of records as they are. */
  send(topic: string, records: readonly (PlainOrder | Buffer)[]): Promise<void>;
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
    async send(topic, records) {
      for (let start = 0; start < records.length; start += sendSize) {
        const messages = records
          .slice(start, start + sendSize)
          .map((record) => ({ value: Buffer.isBuffer(record) ? record : JSON.stringify(record) }));
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
  subject: Pick<Subject, 'topic' | 'group'>,
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
 * count. What its followers do afterwards counts as CPU of all processes.
 */
export async function measureBacklog(
  broker: Broker,
  subject: Subject,
  orders: readonly PlainOrder[],
): Promise<ConsumerRun> {
  subject.freeze();
  for (const each of subject.followers) each.freeze();
  await broker.send(subject.topic, orders);
  const before = { cpu: cpuSeconds(subject.pid), all: sumOfTrees(subject.all) };
  const began = performance.now();
  subject.thaw();
  await untilDrained(broker, subject);
  const seconds = (performance.now() - began) / 1000;
  const cpu = cpuSeconds(subject.pid) - before.cpu;
  for (const each of subject.followers) each.thaw();
  await subject.settle();
  return {
    orders: orders.length,
    seconds,
    cpuSeconds: cpu,
    allCpuSeconds: sumOfTrees(subject.all) - before.all,
    residentMiB: residentMiB(subject.pid),
  };
}

/** CPU seconds of all processes in these trees. */
function sumOfTrees(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + treeCpuSeconds(pid), 0);
}
