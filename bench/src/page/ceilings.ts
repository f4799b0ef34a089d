import type { Results } from '../results.ts';
import { digits } from './format.ts';

/** Each topic is created with as many; a group has at most one process for each. */
export const partitions = 3;
/** A process of Node computes on one core; its garbage collector and its sockets take a little of others. */
const coresOfProcess = 1;
/** Of a store's server, which is assumed. */
export const coresOfStore = 16;
/** Calls to the payment gateway that a process has in flight, and how long one takes, which is assumed. */
export const gateway = { calls: 32, seconds: 0.2 } as const;
/** The events of the order service about an order that is completed. */
const relayedRows = 4;

/** A resource with what it can carry while everything else has room. */
export interface Ceiling {
  readonly resource: string;
  /** How `ordersPerSecond` is computed. */
  readonly arithmetic: string;
  readonly ordersPerSecond: number;
  readonly remedy: string;
}

const morePartitions = (topics: string) => `more partitions of ${topics}, and as many processes`;
const consumers = [
  {
    name: 'payment',
    remedy: morePartitions('`order-events` and `inventory-events`'),
  },
  { name: 'inventory', remedy: morePartitions('`order-events`') },
  { name: 'order-saga', remedy: morePartitions('`inventory-events` and `payment-events`') },
  { name: 'order-worker', remedy: morePartitions('`orders`') },
  { name: 'order-view', remedy: morePartitions('`order-events`') },
];

/** What each resource can carry, the first to run out first. A resource of which nothing was measured is left out. */
export function ceilingsOf(results: Results): readonly Ceiling[] {
  const cpuMs = (name: string) => results.value('saga', `saturation: CPU of ${name}`);
  /** `cores` divided by the CPU of an order. */
  const byCpu = (
    resource: string,
    name: string,
    cores: number,
    coresInWords: string,
    remedy: string,
  ): Ceiling[] => {
    const ms = cpuMs(name);
    if (ms === undefined || ms === 0) return [];
    const arithmetic = `${coresInWords} ÷ ${digits(ms)} ms`;
    return [{ resource, arithmetic, ordersPerSecond: (cores * 1_000) / ms, remedy }];
  };
  const store = (resource: string, name: string, remedy: string) =>
    byCpu(resource, name, coresOfStore, `${coresOfStore} cores`, remedy);
  const relayRate = results.value('api', 'relay: rate');
  return [
    ...consumers.flatMap(({ name, remedy }) =>
      byCpu(
        `${name}, a process per partition`,
        name,
        partitions * coresOfProcess,
        `${partitions} cores`,
        remedy,
      ),
    ),
    ...byCpu('order-relay: one is active', 'order-relay', coresOfProcess, '1 core', relayRemedy),
    ...(relayRate === undefined
      ? []
      : [
          {
            resource: 'order-relay: one send in flight',
            arithmetic: `${digits(relayRate)} rows/s ÷ ${relayedRows} events`,
            ordersPerSecond: relayRate / relayedRows,
            remedy: relayRemedy,
          },
        ]),
    ...store('Postgres, one server for all databases', 'postgres', 'a server for each database; then shards'),
    ...store('Kafka, one broker', 'kafka', 'more brokers, which share the partitions'),
    ...byCpu('Redis, one thread', 'redis', 1, '1 core', 'Redis Cluster: keys have hash tags'),
    {
      resource: `payment: calls in flight, if one takes ${gateway.seconds * 1_000} ms`,
      arithmetic: `${partitions} processes × ${gateway.calls} ÷ ${gateway.seconds} s`,
      ordersPerSecond: (partitions * gateway.calls) / gateway.seconds,
      remedy: 'more payment processes: those without a partition make due calls too',
    },
  ].sort((a, b) => a.ordersPerSecond - b.ordersPerSecond);
}

const relayRemedy = 'shards by order id: databases and topics of their own, with a relay each. Not built';
