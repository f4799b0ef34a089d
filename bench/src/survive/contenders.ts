import { deadLetterTopic, groups, topics } from '@orderflow/contracts';
import type { Stores } from '@orderflow/local/stores';
import type { ServiceName } from '@orderflow/local/system';
import type { Broker } from '../consumer-run.ts';
import { type Bench, createSystemBeside } from '../on-fresh-system.ts';
import { untilPublished } from '../outbox.ts';
import { startProgram } from '../program.ts';
import type { Observed } from './audit.ts';
import { observeAll, observeDocuments } from './observe.ts';
import { type Supervised, supervise } from './supervise.ts';

/** A consumer of orders that is compared with others. */
export interface Contender {
  readonly name: string;
  /** Starts it with everything that belongs to it, on topics and databases with this prefix. */
  start(bench: Bench, broker: Broker, prefix: string): Promise<Running>;
  /** Resolves when everything that follows from its commits is done too. */
  settle(bench: Bench, prefix: string): Promise<void>;
  /** Reads what it has left in its stores. */
  observe(stores: Stores): Promise<Observed>;
}

/** The processes of a contender. */
export interface Running {
  /** The process that reads the topic: the one that is killed. */
  readonly consumer: Supervised;
  readonly others: readonly Supervised[];
}

/** How long Kafka waits for a consumer that was killed, the same for all. */
const sessionTimeoutMs = 10_000;

export const contenders: readonly Contender[] = [
  {
    name: 'careless, one at a time',
    async start(bench, broker, prefix) {
      await broker.createTopic(`${prefix}${topics.orders}`);
      return { consumer: await startConsumer(bench, 'naive-consumer', prefix), others: [] };
    },
    settle: async () => {},
    observe: observeDocuments,
  },
  {
    name: 'careful, one at a time',
    async start(bench, broker, prefix) {
      // It creates the tables and the other topics.
      const others = await startServices(bench, prefix, ['order-relay']);
      await broker.createTopic(`${prefix}${deadLetterTopic(topics.orders, groups.orderWorker)}`);
      return { consumer: await startConsumer(bench, 'careful-consumer', prefix), others };
    },
    settle: published,
    observe: observeAll,
  },
  {
    name: 'order worker',
    async start(bench, _broker, prefix) {
      const services = await startServices(bench, prefix, ['order-worker', 'order-relay', 'order-view']);
      const [consumer, ...others] = services;
      if (consumer === undefined) throw new Error('no worker was started');
      return { consumer, others };
    },
    settle: published,
    observe: observeAll,
  },
];

function published({ stack }: Bench, prefix: string): Promise<void> {
  return untilPublished(stack.urls.POSTGRES_URL, `${prefix}order_service`);
}

async function startConsumer(bench: Bench, name: string, prefix: string): Promise<Supervised> {
  const { url } = bench.system.services['enrichment-stub'];
  const consumer = supervise(() => startProgram(bench, name, prefix, url, String(sessionTimeoutMs)));
  await consumer.current().waitForLine(/^ready$/);
  return consumer;
}

async function startServices(
  bench: Bench,
  prefix: string,
  names: readonly ServiceName[],
): Promise<Supervised[]> {
  const env = { KAFKA_SESSION_TIMEOUT: `${sessionTimeoutMs}ms` };
  const { services } = await createSystemBeside(bench, prefix, env);
  const supervised = names.map((name) => supervise(() => services[name].launch()));
  await Promise.all(names.map((name) => services[name].ready()));
  return supervised;
}
