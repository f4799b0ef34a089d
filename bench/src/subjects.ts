import { deadLetterTopic, groups, topics } from '@orderflow/contracts';
import { enrichmentPath } from '@orderflow/local/system';
import { type Broker, type Subject, untilDrained } from './consumer-run.ts';
import { type Bench, createSystemBeside } from './on-fresh-system.ts';
import { makeOrders, ordersOfEverything, type PlainOrder } from './orders.ts';
import { untilPublished } from './outbox.ts';
import { startProgram } from './program.ts';

/** The consumers that `pnpm bench worker` compares. */
export interface Subjects {
  readonly worker: Subject;
  /** The careless consumer. */
  readonly naive: Subject;
  /** The consumer that keeps our promises, one record at a time. */
  readonly careful: Subject;
  /** Fetches and commits, nothing else. */
  readonly floor: Subject;
}

/** Starts and warms up all consumers, each on topics and databases of its own. The worker's system runs already. */
export async function startSubjects(bench: Bench, broker: Broker): Promise<Subjects> {
  const { stack, system } = bench;
  const stores = Object.values(stack.parts).flatMap((part) => part.pid() ?? []);
  const enrichmentApi = system.services['enrichment-stub'];
  const published = (prefix: string) => () =>
    untilPublished(stack.urls.POSTGRES_URL, `${prefix}order_service`);
  const nothing = async () => {};

  async function warm(subject: Subject, orders: readonly PlainOrder[]): Promise<Subject> {
    await broker.send(subject.topic, orders);
    await untilDrained(broker, subject);
    await subject.settle();
    return subject;
  }
  /** Uses every customer and product, so that all are cached. */
  const everything = (count: number) => [...ordersOfEverything('warm'), ...makeOrders('warmer', count, 99)];

  const worker = system.services['order-worker'];
  const warmWorker = await warm(
    {
      topic: topics.orders,
      group: groups.orderWorker,
      pid: worker.pid(),
      all: [...enrichmentPath.map((name) => system.services[name].pid()), ...stores],
      freeze: worker.freeze,
      thaw: worker.thaw,
      followers: [system.services['order-relay'], system.services['order-view']],
      async settle() {
        await published('')();
        await untilDrained(broker, { topic: topics.orderEvents, group: groups.orderView });
      },
    },
    everything(15_000),
  );

  async function startOneAtATime(
    name: string,
    prefix: string,
    others: readonly number[],
    settle: () => Promise<void>,
  ): Promise<Subject> {
    const { pid, freeze, thaw, waitForLine } = startProgram(bench, name, prefix, enrichmentApi.url);
    await waitForLine(/^ready$/);
    const all = [pid, ...others, enrichmentApi.pid(), ...stores];
    const topic = `${prefix}${topics.orders}`;
    const group = `${prefix}${groups.orderWorker}`;
    const subject = { topic, group, pid, all, freeze, thaw, followers: [], settle };
    return warm(subject, everything(1_000));
  }
  await broker.createTopic(`naive_${topics.orders}`);
  const naive = await startOneAtATime('naive-consumer', 'naive_', [], nothing);

  // The relay creates the tables and the topics.
  const relay = (await createSystemBeside(bench, 'careful_')).services['order-relay'];
  bench.running.push(relay.launch());
  await relay.ready();
  await broker.createTopic(`careful_${deadLetterTopic(topics.orders, groups.orderWorker)}`);
  const careful = await startOneAtATime('careful-consumer', 'careful_', [relay.pid()], published('careful_'));

  const group = 'consume-commit';
  const topic = `bench-${group}`;
  await broker.createTopic(topic);
  const { pid, freeze, thaw, waitForLine } = startProgram(bench, group, topic, group);
  await waitForLine(/^ready$/);
  const floor = await warm(
    { topic, group, pid, all: [pid, ...stores], freeze, thaw, followers: [], settle: nothing },
    makeOrders('floor-warm', 15_000, 99),
  );
  return { worker: warmWorker, naive, careful, floor };
}
