// One stage of the worker alone, in batches of 500: `mget`, `decide` or `insert`. Prints {orders, seconds, cpuSeconds}.
import { byteaArray, textArray } from '@orderflow/storage';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { makeOrders, type PlainOrder } from '../orders.ts';

const [stage = '', count = '0', run = ''] = process.argv.slice(2);
const batchSize = 500;
/** As many concurrent batches as the worker has partitions. */
const concurrency = 3;
const env = (name: string): string => process.env[name] ?? '';

/** The typical size of an enriched order, an event and a document. */
const enrichedBytes = Buffer.alloc(540, 7);
const eventBytes = Buffer.alloc(160, 7);
const hash = Buffer.alloc(32, 7);
const headers = JSON.stringify({
  ce_specversion: '1.0',
  ce_id: 'bench-1/1',
  ce_type: 'orderflow.order.event.v1.OrderAccepted',
  ce_source: '/orderflow/order',
  ce_subject: 'bench-1',
  ce_time: '2026-01-01T00:00:00.000Z',
  'content-type': 'application/protobuf',
});

type Batch = readonly PlainOrder[];
const stages: Record<
  string,
  () => Promise<{ work: (batch: Batch) => Promise<unknown>; close: () => Promise<unknown> }>
> = {
  async mget() {
    const redis = new Redis(env('REDIS_URL'));
    return {
      work: (batch) => {
        const customers = new Set(batch.map(({ customerId }) => `enrichment:{customer:${customerId}}`));
        const products = new Set(
          batch.flatMap((order) =>
            order.products.map(({ productId }) => `enrichment:{product:product_id:${productId}}`),
          ),
        );
        return Promise.all([redis.mgetBuffer([...customers]), redis.mgetBuffer([...products])]);
      },
      close: async () => redis.disconnect(),
    };
  },

  async decide() {
    const database = `${env('DATABASE_PREFIX')}bench_decide`;
    const admin = new pg.Client({ connectionString: `${env('POSTGRES_URL')}/postgres` });
    await admin.connect();
    await admin.query(`create database "${database}"`).catch(() => {});
    await admin.end();
    const pool = new pg.Pool({ connectionString: `${env('POSTGRES_URL')}/${database}`, max: concurrency });
    await pool.query('drop table if exists orders, order_history, outbox');
    await pool.query(`create table orders (id text collate "C" primary key, customer_id text not null,
      content_hash bytea not null, state text not null, version int not null, revision int not null,
      needs_attention text, total bigint, deadline_time timestamptz(3), create_time timestamptz(3) not null,
      update_time timestamptz(3) not null)`);
    await pool.query('create index on orders (customer_id, create_time, id)');
    await pool.query('create index on orders (state, update_time)');
    await pool.query('create index on orders (create_time, id)');
    await pool.query('create index on orders (deadline_time) where deadline_time is not null');
    await pool.query(`create table order_history (order_id text collate "C" not null, revision int not null,
      state text not null, cause text not null, version int not null, event_types text[] not null,
      enriched_order bytea, create_time timestamptz(3) not null, primary key (order_id, revision))`);
    await pool.query(`create table outbox (id bigint generated always as identity primary key, topic text not null,
      key text not null, value bytea not null, headers json not null, create_time timestamptz not null default now())`);
    return {
      async work(batch) {
        const client = await pool.connect();
        const ids = textArray(batch.map(({ orderId }) => orderId));
        const all = <T>(value: T) => batch.map(() => value);
        try {
          await client.query('begin');
          await client.query(
            `insert into orders (id, customer_id, content_hash, state, version, revision, total, deadline_time, create_time, update_time)
             select id, customer_id, content_hash, 'ACCEPTED', 1, 1, 0, now(), now(), now()
             from unnest($1::text[], $2::text[], $3::bytea[]) as new(id, customer_id, content_hash)
             order by id on conflict (id) do nothing returning id`,
            [ids, textArray(batch.map(({ customerId }) => customerId)), byteaArray(all(hash))],
          );
          await client.query(
            `insert into order_history (order_id, revision, state, cause, version, event_types, enriched_order, create_time)
             select order_id, 1, 'ACCEPTED', cause, 1, array['OrderAccepted'], enriched_order, now()
             from unnest($1::text[], $2::text[], $3::bytea[]) as new(order_id, cause, enriched_order)`,
            [ids, textArray(all('orders/0/1')), byteaArray(all(enrichedBytes))],
          );
          await client.query(
            `insert into outbox (topic, key, value, headers) select topic, key, value, headers::json
             from unnest($1::text[], $2::text[], $3::bytea[], $4::text[]) as new(topic, key, value, headers)`,
            [textArray(all('order-events')), ids, byteaArray(all(eventBytes)), textArray(all(headers))],
          );
          await client.query('commit');
        } finally {
          client.release();
        }
      },
      close: () => pool.end(),
    };
  },

  async insert() {
    const mongo = new MongoClient(env('MONGO_URL'));
    const collection = mongo.db('bench_insert').collection<{ _id: string }>('orders');
    const example = await mongo
      .db(`${env('DATABASE_PREFIX')}orderflow`)
      .collection('orders')
      .findOne();
    if (example === null) throw new Error('the worker has not written a document yet that could be copied');
    return {
      work: (batch) =>
        collection.insertMany(
          batch.map(({ orderId }) => ({ ...example, _id: orderId })),
          { ordered: false },
        ),
      close: () => mongo.close(),
    };
  },
};

const create = stages[stage];
if (create === undefined) throw new Error(`no stage ${stage}: ${Object.keys(stages).join(', ')}`);
const { work, close } = await create();

async function through(orders: readonly PlainOrder[]): Promise<void> {
  const batches = Array.from({ length: Math.ceil(orders.length / batchSize) }, (_, index) =>
    orders.slice(index * batchSize, (index + 1) * batchSize),
  );
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) await work(batch);
    }),
  );
}

const orders = makeOrders(`stage-${run}`, Number(count), Number(run.length));
await through(makeOrders(`warm-${run}`, 10_000, 7));
const cpu = process.cpuUsage();
const began = performance.now();
await through(orders);
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    orders: orders.length,
    seconds: (performance.now() - began) / 1000,
    cpuSeconds: (user + system) / 1e6,
  }),
);
await close();
