// The careless consumer, a fair picture of what is often written: one record at a time, a GET for the customer and for
// each product, on a miss a call of the enrichment API and a SETEX, one insert. It is careless in the usual ways only:
// the client commits offsets automatically, nothing distinguishes a record that comes again from a new one, and an error
// is logged and its record skipped.
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import type { PlainOrder } from '../orders.ts';
import { cacheSeconds, env, fetchCustomer, fetchProduct, prefix, subscribe } from './one-at-a-time.ts';

const redis = new Redis(env('REDIS_URL'));
const documents = new MongoClient(env('MONGO_URL')).db(`${prefix}orderflow`).collection('orders');

async function lookUp<T>(key: string, fetch: () => Promise<T>): Promise<T> {
  const cached = await redis.get(key);
  if (cached !== null) return JSON.parse(cached) as T;
  const fetched = await fetch();
  await redis.setex(key, cacheSeconds, JSON.stringify(fetched));
  return fetched;
}

const consumer = await subscribe();
await consumer.run({
  eachMessage: async ({ message }) => {
    try {
      const order = JSON.parse(String(message.value)) as PlainOrder;
      const { customerId } = order;
      const customer = await lookUp(`${prefix}customer:${customerId}`, () => fetchCustomer(customerId));
      const products = [];
      for (const { productId } of order.products) {
        products.push(await lookUp(`${prefix}product:${productId}`, () => fetchProduct(productId)));
      }
      if (!customer.active) throw new Error(`customer ${customerId} is not active`);
      if (products.some(({ retired }) => retired)) throw new Error('a product is no longer sold');
      await documents.insertOne({ ...order, customer, products });
    } catch (error) {
      console.error(`a record failed: ${error}`);
    }
  },
});
console.log('ready');
