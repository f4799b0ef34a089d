// One half of the relay alone, in batches of 500: STAGE (`produce` or `drain`) COUNT. Prints {rows, seconds}.
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import pg from 'pg';
import { fillOutbox, outboxTable, outboxValue } from '../outbox.ts';

const [stage = '', text = '0'] = process.argv.slice(2);
const count = Number(text);
const batchSize = 500;
const env = (name: string): string => process.env[name] ?? '';

async function produce(): Promise<() => Promise<void>> {
  const topic = 'bench-relay-produce';
  const kafka = new Kafka({ brokers: env('KAFKA_BROKERS').split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 3 }] });
  await admin.disconnect();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
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

async function drain(): Promise<() => Promise<void>> {
  const pool = new pg.Pool({ connectionString: `${env('POSTGRES_URL')}/postgres` });
  await pool.query('drop table if exists outbox');
  await pool.query(outboxTable);
  await fillOutbox(pool, 'bench', count);
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

const stages: Record<string, () => Promise<() => Promise<void>>> = { produce, drain };
const prepare = stages[stage];
if (prepare === undefined) throw new Error(`no stage ${stage}: ${Object.keys(stages).join(', ')}`);
const work = await prepare();
const began = performance.now();
await work();
console.log(JSON.stringify({ rows: count, seconds: (performance.now() - began) / 1000 }));
process.exit(0);
