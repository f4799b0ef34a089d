// The obvious consumer: one record at a time, a GET for each customer and product, one insert.
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { MongoClient } from 'mongodb';
import type { PlainOrder } from '../orders.ts';

const [topic = '', groupId = ''] = process.argv.slice(2);
const env = (name: string): string => process.env[name] ?? '';

const kafka = new Kafka({ brokers: env('KAFKA_BROKERS').split(','), logLevel: logLevel.NOTHING });
const redis = new Redis(env('REDIS_URL'));
const mongo = new MongoClient(env('MONGO_URL'));
const orders = mongo.db('bench_naive').collection<{ _id: string }>('orders');

const consumer = kafka.consumer({ groupId });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    const order = JSON.parse(String(message.value)) as PlainOrder;
    const customer = JSON.parse((await redis.get(`naive:customer:${order.customerId}`)) ?? 'null');
    const products = [];
    for (const { productId } of order.products) {
      products.push(JSON.parse((await redis.get(`naive:product:${productId}`)) ?? 'null'));
    }
    if (!customer?.active || products.includes(null)) return;
    await orders.insertOne({ _id: order.orderId, ...order, customer, products } as { _id: string });
  },
});
console.log('ready');
