// Counts the requests of the process that imports it first (`node --import`) to Postgres and Kafka, where the drivers
// send them, and gives the counts to whom connects to its socket. Only Kafka's own events and those of the Postgres
// driver are used: a service needs no code for it, and pays for it only while it is measured.
import { createServer } from 'node:net';
import { type Admin, type Consumer, Kafka, type Producer, type RequestEvent } from 'kafkajs';
import pg from 'pg';
import { type Requests, socketOf } from '../requests.ts';

export const requests: Requests = { sql: 0, kafka: {} };

/** A connection emits `drain` when everything that it has sent is answered. */
const connect = pg.Client.prototype.connect as (...args: unknown[]) => unknown;
pg.Client.prototype.connect = function connectCounted(this: pg.Client, ...args: unknown[]) {
  this.on('drain', () => {
    requests.sql += 1;
  });
  return connect.apply(this, args);
} as pg.Client['connect'];

function countRequest({ payload: { apiName } }: RequestEvent): void {
  requests.kafka[apiName] = (requests.kafka[apiName] ?? 0) + 1;
}
const { producer, consumer, admin } = Kafka.prototype;
Kafka.prototype.producer = function producerCounted(...args): Producer {
  const created = producer.apply(this, args);
  created.on(created.events.REQUEST, countRequest);
  return created;
};
Kafka.prototype.consumer = function consumerCounted(...args): Consumer {
  const created = consumer.apply(this, args);
  created.on(created.events.REQUEST, countRequest);
  return created;
};
Kafka.prototype.admin = function adminCounted(...args): Admin {
  const created = admin.apply(this, args);
  created.on(created.events.REQUEST, countRequest);
  return created;
};

createServer((socket) => socket.end(JSON.stringify(requests)))
  .listen(socketOf(process.pid))
  .unref();
