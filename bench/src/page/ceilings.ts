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
  /** No further process, partition or server helps. */
  readonly onlyShards?: true;
}

const morePartitions = (topics: string) => `more partitions of ${topics}, and as many processes`;
const shards = {
  remedy: 'shards, each with databases, topics and a relay of its own: not built',
  onlyShards: true,
} as const;

/** What computes, how many cores it can use, and what to do when they do not suffice. */
const computing: readonly (Pick<Ceiling, 'remedy' | 'onlyShards'> & {
  readonly name: string;
  readonly limit: string;
  readonly cores: number;
})[] = [
  ...(
    [
      ['payment', '`order-events` and `inventory-events`'],
      ['inventory', '`order-events`'],
      ['order-saga', '`inventory-events` and `payment-events`'],
      ['order-worker', '`orders`'],
      ['order-view', '`order-events`'],
    ] as const
  ).map(([name, topics]) => ({
    name,
    limit: 'a process per partition',
    cores: partitions * coresOfProcess,
    remedy: morePartitions(topics),
  })),
  { name: 'order-relay', limit: 'one is active', cores: coresOfProcess, ...shards },
  {
    name: 'postgres',
    limit: 'one server for all databases',
    cores: coresOfStore,
    remedy: 'a server for each of the databases; then shards',
  },
  {
    name: 'kafka',
    limit: 'one broker',
    cores: coresOfStore,
    remedy: 'more brokers, which share the partitions',
  },
  { name: 'redis', limit: 'one thread', cores: 1, remedy: 'Redis Cluster: keys have hash tags' },
];

/** What each resource can carry, the first to run out first. A resource of which nothing was measured is left out. */
export function ceilingsOf(results: Results): readonly Ceiling[] {
  const byCpu = computing.flatMap(({ name, limit, cores, ...rest }): Ceiling[] => {
    const ms = results.value('saga', `saturation: CPU of ${name}`);
    if (ms === undefined || ms === 0) return [];
    const arithmetic = `${cores} ${cores === 1 ? 'core' : 'cores'} ÷ ${digits(ms)} ms`;
    return [{ resource: `${name}: ${limit}`, arithmetic, ordersPerSecond: (cores * 1_000) / ms, ...rest }];
  });
  const rows = results.value('api', 'relay: rate');
  const relay: Ceiling[] =
    rows === undefined
      ? []
      : [
          {
            resource: 'order-relay: one send in flight',
            arithmetic: `${digits(rows)} rows/s ÷ ${relayedRows} events`,
            ordersPerSecond: rows / relayedRows,
            ...shards,
          },
        ];
  const calls: Ceiling = {
    resource: `payment: calls in flight, if one takes ${gateway.seconds * 1_000} ms`,
    arithmetic: `${partitions} processes × ${gateway.calls} ÷ ${gateway.seconds} s`,
    ordersPerSecond: (partitions * gateway.calls) / gateway.seconds,
    remedy: 'more payment processes: those without a partition make due calls too',
  };
  return [...byCpu, ...relay, calls].sort((a, b) => a.ordersPerSecond - b.ordersPerSecond);
}
