// The lower bound of a saga: a row is committed, and then per hop a record is produced, consumed, and one row
// committed. NAME HOPS COUNT RATE. Prints {p50Ms, p99Ms, lateP99Ms}: from the time of the first row to the time of the
// last, by Postgres' clock, and how late it sent the first rows.
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import pg from 'pg';
import { outboxValue } from '../outbox.ts';
import { percentile } from '../report.ts';
import { atSteadyRate } from '../steady-rate.ts';

const [name = '', hopsText = '0', countText = '0', rateText = '0'] = process.argv.slice(2);
const hops = Number(hopsText);
const count = Number(countText);
const rate = Number(rateText);
/** The warm-up of the program. */
const warmUp = rate * 10;

const pool = new pg.Pool({ connectionString: `${process.env['POSTGRES_URL']}/postgres` });
await pool.query('drop table if exists hop');
await pool.query(
  `create table hop (
     id int not null, hop int not null, value bytea not null, create_time timestamptz not null default now(),
     primary key (id, hop)
   )`,
);
async function commitRow(id: number, hop: number): Promise<void> {
  await pool.query('insert into hop (id, hop, value) values ($1, $2, $3)', [id, hop, outboxValue.value]);
}

const kafka = new Kafka({
  brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','),
  logLevel: logLevel.NOTHING,
  retry: { retries: 10 },
});
const topicOf = (hop: number) => `bench-hops-${name}-${hop}`;
const numbers = Array.from({ length: hops }, (_, index) => index + 1);
const admin = kafka.admin();
await admin.connect();
await admin.createTopics({
  waitForLeaders: true,
  topics: numbers.map((hop) => ({ topic: topicOf(hop), numPartitions: 3 })),
});
await admin.disconnect();
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
await producer.connect();
async function produce(id: number, hop: number): Promise<void> {
  const { value, headers } = outboxValue;
  await producer.send({ topic: topicOf(hop), acks: -1, messages: [{ key: String(id), value, headers }] });
}

const consumers = await Promise.all(
  numbers.map(async (hop) => {
    // A fetch returns as soon as there is a record; an empty one stays open for 250 ms, as in the services.
    const consumer = kafka.consumer({ groupId: topicOf(hop), maxWaitTimeInMs: 250 });
    const assigned = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
    await consumer.connect();
    await consumer.subscribe({ topic: topicOf(hop), fromBeginning: true });
    await consumer.run({
      // Offsets are committed asynchronously: redelivery after a crash is not part of the lower bound.
      autoCommitInterval: 1_000,
      partitionsConsumedConcurrently: 3,
      eachMessage: async ({ message }) => {
        const id = Number(message.key);
        await commitRow(id, hop);
        if (hop < hops) await produce(id, hop + 1);
      },
    });
    await assigned;
    return consumer;
  }),
);

const late = await atSteadyRate(rate, warmUp + count, async (id) => {
  await commitRow(id, 0);
  await produce(id, 1);
});
for (;;) {
  const { rows } = await pool.query('select count(*)::int as done from hop where hop = $1', [hops]);
  if (rows[0].done === warmUp + count) break;
  await sleep(100);
}
const { rows } = await pool.query(
  `select (extract(epoch from last.create_time - first.create_time) * 1000)::float8 as ms
   from hop first join hop last using (id) where first.hop = 0 and last.hop = $1 and id >= $2`,
  [hops, warmUp],
);
const latencies = rows.map(({ ms }) => ms as number);
console.log(
  JSON.stringify({
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    lateP99Ms: percentile(late.slice(warmUp), 0.99),
  }),
);
await Promise.all([...consumers.map((consumer) => consumer.disconnect()), producer.disconnect(), pool.end()]);
