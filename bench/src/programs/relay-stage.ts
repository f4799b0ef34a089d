// A part of the relay alone, in batches of 500: STAGE (`produce`, `drain` or `handed`) COUNT. Prints {rows, seconds}.
import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import pg from 'pg';
import { fillOutbox, outboxTable, outboxValue } from '../outbox.ts';

const [stage = '', text = '0'] = process.argv.slice(2);
const count = Number(text);
const batchSize = 500;
const env = (name: string): string => process.env[name] ?? '';

async function connectProducer(topic: string): Promise<Producer> {
  const kafka = new Kafka({ brokers: env('KAFKA_BROKERS').split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 3 }] });
  await admin.disconnect();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  return producer;
}

/** Sends records. */
async function produce(): Promise<() => Promise<void>> {
  const topic = 'bench-relay-produce';
  const producer = await connectProducer(topic);
  const { headers, value } = outboxValue;
  return async () => {
    for (let start = 0; start < count; start += batchSize) {
      const messages = Array.from({ length: Math.min(batchSize, count - start) }, (_, index) => ({
        key: `bench-${start + index}`,
        value,
        headers,
      }));
      await producer.send({ topic, acks: -1, messages });
    }
  };
}

async function connectFilled(): Promise<pg.Pool> {
  const pool = new pg.Pool({ connectionString: `${env('POSTGRES_URL')}/postgres` });
  await pool.query('drop table if exists outbox');
  await pool.query(outboxTable);
  await fillOutbox(pool, 'bench', count);
  return pool;
}

/** Reads rows and deletes them. */
async function drain(): Promise<() => Promise<void>> {
  const pool = await connectFilled();
  return async () => {
    for (;;) {
      const { rows } = await pool.query(
        'select id, topic, key, value, headers from outbox order by id limit $1',
        [batchSize],
      );
      if (rows.length === 0) return;
      await pool.query('delete from outbox where id = any ($1::bigint[])', [rows.map(({ id }) => id)]);
    }
  };
}

/** Sends rows that are in memory, and deletes them while the next ones are sent: the least of a relay that reads none. */
async function handed(): Promise<() => Promise<void>> {
  const topic = 'bench-relay-handed';
  const [producer, pool] = await Promise.all([connectProducer(topic), connectFilled()]);
  const { rows } = await pool.query('select id, key, value, headers from outbox order by id');
  return async () => {
    let deletion: Promise<unknown> = Promise.resolve();
    for (let start = 0; start < rows.length; start += batchSize) {
      const messages = rows.slice(start, start + batchSize);
      await Promise.all([producer.send({ topic, acks: -1, messages }), deletion]);
      const ids = messages.map(({ id }) => id);
      deletion = pool.query('delete from outbox where id = any ($1::bigint[])', [ids]);
    }
    await deletion;
  };
}

const stages: Record<string, () => Promise<() => Promise<void>>> = { produce, drain, handed };
const prepare = stages[stage];
if (prepare === undefined) throw new Error(`no stage ${stage}: ${Object.keys(stages).join(', ')}`);
const work = await prepare();
const began = performance.now();
await work();
console.log(JSON.stringify({ rows: count, seconds: (performance.now() - began) / 1000 }));
process.exit(0);
