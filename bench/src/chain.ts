import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import pg from 'pg';
import { requests } from './programs/count-requests.ts';
import { percentile } from './report.ts';
import { atSteadyRate } from './steady-rate.ts';

/** What a chain took at one rate, from the time of its first row to the time of its last, by Postgres' clock. */
export interface ChainRun {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How late the first rows were begun. */
  readonly lateP99Ms: number;
  /** Of all, divided by the chains. */
  readonly sqlRoundTrips: number;
}

/** What a lower bound of the saga is made of. A chain has an id; each of its steps commits a row of table `step`. */
export interface Chain {
  /** Its connections pipeline statements. */
  readonly pool: pg.Pool;
  readonly producer: Producer;
  topicOf(hop: number): string;
  /** Handles the ids that were produced to the topic of a hop, those of a partition one after the other. */
  consume(hop: number, handle: (id: number) => Promise<unknown>): Promise<void>;
  /** Begins chains at the rates of the arguments, waits for their last step, prints a ChainRun for each, and exits. */
  measure(begin: (id: number) => Promise<unknown>, lastStep: number): Promise<never>;
}

/** Chains that warm up the program. */
const warmUp = { count: 300, rate: 100 };

/** Creates the topics of `hops` and an empty table `step`. The program's arguments: NAME, then RATE COUNT repeated. */
export async function openChain(program: string, hops: number): Promise<Chain> {
  const [name = '', ...loads] = process.argv.slice(2);
  const pool = new pg.Pool({ connectionString: `${process.env['POSTGRES_URL']}/postgres`, pipeline: true });
  await pool.query('drop table if exists step');
  await pool.query(
    `create table step (
       id int not null, step int not null, value bytea not null, create_time timestamptz not null default now(),
       primary key (id, step)
     )`,
  );
  const kafka = new Kafka({
    brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 10 },
  });
  const topicOf = (hop: number) => `bench-${program}-${name}-${hop}`;
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: true,
    topics: Array.from({ length: hops }, (_, index) => ({ topic: topicOf(index + 1), numPartitions: 3 })),
  });
  await admin.disconnect();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();

  /** Runs `count` chains with the ids from `first` on. */
  async function run(
    begin: (id: number) => Promise<unknown>,
    lastStep: number,
    { first, count, rate }: { readonly first: number; readonly count: number; readonly rate: number },
  ): Promise<ChainRun> {
    const sqlBefore = requests.sql;
    const late = await atSteadyRate(rate, count, async (index) => {
      await begin(first + index);
    });
    for (;;) {
      const { rows } = await pool.query(
        'select count(*)::int as done from step where step = $1 and id >= $2',
        [lastStep, first],
      );
      if (rows[0].done === count) break;
      await sleep(100);
    }
    const sqlRoundTrips = (requests.sql - sqlBefore) / count;
    const { rows } = await pool.query<{ ms: number }>(
      `select (extract(epoch from last.create_time - first.create_time) * 1000)::float8 as ms
       from step first join step last using (id) where first.step = 0 and last.step = $1 and id >= $2`,
      [lastStep, first],
    );
    const latencies = rows.map(({ ms }) => ms);
    return {
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
      lateP99Ms: percentile(late, 0.99),
      sqlRoundTrips,
    };
  }

  return {
    pool,
    producer,
    topicOf,
    async consume(hop, handle) {
      // A fetch returns as soon as there is a record; an empty one stays open for 250 ms, as in the services.
      const consumer = kafka.consumer({ groupId: topicOf(hop), maxWaitTimeInMs: 250 });
      const assigned = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
      await consumer.connect();
      await consumer.subscribe({ topic: topicOf(hop), fromBeginning: true });
      await consumer.run({
        // Offsets are committed later than what they stand for: repeats are part of a chain, their commits are not.
        autoCommitInterval: 1_000,
        partitionsConsumedConcurrently: 3,
        eachMessage: async ({ message }) => {
          await handle(Number(message.key));
        },
      });
      await assigned;
    },
    async measure(begin, lastStep) {
      await run(begin, lastStep, { first: 0, ...warmUp });
      let first = warmUp.count;
      const runs: ChainRun[] = [];
      for (let index = 0; index < loads.length; index += 2) {
        const [rate = 0, count = 0] = loads.slice(index, index + 2).map(Number);
        runs.push(await run(begin, lastStep, { first, count, rate }));
        first += count;
      }
      console.log(JSON.stringify(runs));
      process.exit(0);
    },
  };
}
