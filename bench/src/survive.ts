import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { groups, topics } from '@orderflow/contracts';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { openStores } from '@orderflow/local/stores';
import { eventually } from '@orderflow/testing/eventually';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { type Broker, connectBroker } from './consumer-run.ts';
import { type Bench, onFreshSystem } from './on-fresh-system.ts';
import { cpuSeconds, machineCpuSeconds, treeCpuSeconds } from './processes.ts';
import { audit, type Damage } from './survive/audit.ts';
import { type Catalogue, readCatalogue } from './survive/catalogue.ts';
import { type Contender, contenders } from './survive/contenders.ts';
import { expectationsOf } from './survive/oracle.ts';
import { makeRecords } from './survive/records.ts';
import { type Row, reportRows } from './survive/rows.ts';
import { type Scene, type Trouble, troubles } from './survive/troubles.ts';

/** How many each contender gets. */
const count = Number(process.env['BENCH_RECORDS'] ?? 20_000);
/** This share of the records is processed before anything is measured or goes wrong. */
const warmUp = 0.1;
/** A contender that has not processed all records by then after a trouble is not expected to. */
const recoveryLimitMs = 300_000;

/**
 * Has consumers of different care process the same records on the same broker while the same things go wrong, and
 * compares what they leave in their stores with what was sent.
 *
 * All records wait on the topic; the trouble comes while they are processed. Each run has topics and databases of its
 * own, and begins with an empty cache.
 */
export async function benchSurvive(): Promise<boolean> {
  const title = 'the same records, the same troubles: what is lost, doubled and wrong';
  const began = performance.now();
  const otherCpu = () => machineCpuSeconds() - treeCpuSeconds(process.pid);
  const otherCpuBefore = otherCpu();
  const rows = await onFreshSystem({ title, env: { LOG_LEVEL: 'warn' } }, async (bench) => {
    const enrichmentApi = bench.system.services['enrichment-stub'];
    await enrichmentApi.start();
    const context = {
      bench,
      broker: await connectBroker(bench.stack.urls.KAFKA_BROKERS),
      redis: new Redis(bench.stack.urls.REDIS_URL),
      mongo: new MongoClient(bench.stack.urls.MONGO_URL),
      faults: createClient(
        FaultService,
        createConnectTransport({ baseUrl: enrichmentApi.url, httpVersion: '1.1' }),
      ),
      catalogue: await readCatalogue(enrichmentApi.url),
    };
    try {
      const done: Row[] = [];
      for (const trouble of troubles) {
        for (const contender of contenders) done.push(await run(context, contender, trouble, done.length));
      }
      return done;
    } finally {
      context.redis.disconnect();
      await Promise.all([context.mongo.close(), context.broker.close()]);
    }
  });
  const elsewhere = (otherCpu() - otherCpuBefore) / ((performance.now() - began) / 1000);
  return reportRows(rows, { records: count, elsewhere });
}

interface Context extends Pick<Scene, 'redis' | 'faults'> {
  readonly bench: Bench;
  readonly broker: Broker;
  readonly mongo: MongoClient;
  readonly catalogue: Catalogue;
}

/** One contender in one trouble. `index`: of the run, for names that are used once. */
async function run(
  { bench, broker, redis, faults, mongo, catalogue }: Context,
  contender: Contender,
  trouble: Trouble,
  index: number,
): Promise<Row> {
  const { stack, say } = bench;
  const prefix = `survive${index}_`;
  const topic = `${prefix}${topics.orders}`;
  const group = `${prefix}${groups.orderWorker}`;
  const values = makeRecords('o', count);
  const warmUpCount = Math.round(count * warmUp);
  await redis.flushall();
  const running = await contender.start(bench, broker, prefix);
  const { consumer } = running;
  try {
    await broker.send(topic, values.slice(0, warmUpCount));
    if (!(await isDrained(broker, topic, group))) throw new Error(`${contender.name} does not consume`);
    consumer.current().freeze();
    await broker.send(topic, values.slice(warmUpCount));
    const cpuBefore = everyonesCpuSeconds();
    consumer.current().thaw();

    const documents = mongo.db(`${prefix}orderflow`).collection('orders');
    const stored = async (share: number) => {
      const options = { timeoutMs: recoveryLimitMs, intervalMs: 50 };
      await eventually(async () => (await documents.estimatedDocumentCount()) >= share * count, options);
    };
    await trouble.inflict({ stack, redis, faults, consumer, stored });
    const ended = performance.now();
    const hasRecovered = await isDrained(broker, topic, group);
    const recoveredSeconds = hasRecovered ? (performance.now() - ended) / 1000 : undefined;
    await contender.settle(bench, prefix);
    const cpu = everyonesCpuSeconds() - cpuBefore;

    await using stores = await openStores({ ...stack.urls, TOPIC_PREFIX: prefix, DATABASE_PREFIX: prefix });
    const damage = audit(expectationsOf(values, catalogue), await contender.observe(stores));
    say(`${trouble.name}; ${contender.name}: ${JSON.stringify(countsOf(damage))} ${examplesOf(damage)}`);
    return {
      trouble: trouble.name,
      contender: contender.name,
      ...countsOf(damage),
      recoveredSeconds,
      recordsPerCpuSecond: (count - warmUpCount) / cpu,
    };
  } finally {
    await Promise.all([consumer, ...running.others].map((each) => each.stop()));
  }
}

/** Waits until a group has committed everything; false: it has not within the limit. */
async function isDrained(broker: Broker, topic: string, group: string): Promise<boolean> {
  const deadline = performance.now() + recoveryLimitMs;
  while (performance.now() < deadline) {
    // The broker may have been restarted just now.
    const lag = await broker.lag(topic, group).catch(() => undefined);
    if (lag === 0) return true;
    await sleep(100);
  }
  return false;
}

/**
 * The CPU seconds of every process of this benchmark but itself, including those that have ended: of the contender, the
 * enrichment API and the stores.
 */
function everyonesCpuSeconds(): number {
  return treeCpuSeconds(process.pid) - cpuSeconds(process.pid);
}

function countsOf({ lost, doubled, wrong, untraced }: Damage) {
  return { lost: lost.length, doubled: doubled.length, wrong: wrong.length, untraced: untraced.length };
}

function examplesOf(damage: Damage): string {
  const kinds = Object.entries(damage) as [string, readonly string[]][];
  return kinds.flatMap(([kind, ids]) => (ids.length > 0 ? [`${kind}: ${ids.slice(0, 3)}`] : [])).join('; ');
}
