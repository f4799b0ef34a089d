import { type ServiceName, serviceNames } from '@orderflow/local/system';
import type { Results } from '../results.ts';
import { type Ceiling, ceilingsOf, coresOfStore, gateway, partitions } from './ceilings.ts';
import { digits, markdownTable, wrapped } from './format.ts';

const multiples = [1, 10, 100] as const;
/** Connections to Postgres of a process: its pool, one for gauges, two of its relay. */
const connectionsOfProcess = 10 + 1 + 2;
/** Records of a completed order that came from Kafka: its own, four events of it, two of inventory, one of payment. */
const recordsOfOrder = 8;
const secondsOfDay = 86_400;

/** What runs out first at 10 and 100 times the measured rate, with the arithmetic. */
export function capacity(results: Results): string {
  const base = results.value('saga', 'saturation: rate');
  const cost = results.value('saga', 'saturation: CPU of a whole order');
  if (base === undefined || cost === undefined) return '';
  const ceilings = ceilingsOf(results);
  const marks = multiples.slice(1);
  const rows = ceilings.map(({ resource, arithmetic, ordersPerSecond, remedy }) => [
    resource,
    arithmetic,
    digits(ordersPerSecond),
    ...marks.map((times) => (ordersPerSecond >= times * base ? '✓' : '✗')),
    remedy,
  ]);
  const heads = ['resource', 'arithmetic', 'orders/s', ...marks.map((times) => `${times} ×`), 'what to do'];
  return [
    wrapped(oneMachine(results, base, cost)),
    markdownTable(heads, rows),
    wrapped(firstShort(ceilings, base)),
    'What that many orders need:',
    needsTable(results, base),
    assumptions(results, base)
      .map((each) => wrapped(`- ${each}`, '  '))
      .join('\n'),
  ].join('\n\n');
}

function oneMachine(results: Results, base: number, cost: number): string {
  const others = results.value('saga', 'saturation: CPU of everything else meanwhile');
  return (
    `One machine of two cores completes ${digits(base)} orders a second from a backlog: that is 1 × here. Its cores run ` +
    `out first: 2 cores ÷ ${digits(cost)} ms are ${digits(2_000 / cost)} orders a second` +
    (others === undefined ? '' : `; other programs used ${digits(others)} % of a core meanwhile`) +
    '. With processes and stores on more machines, these run out:'
  );
}

function firstShort(ceilings: readonly Ceiling[], base: number): string {
  const said = (ceiling: Ceiling | undefined) =>
    ceiling === undefined ? '' : `*${ceiling.resource}*, at ${digits(ceiling.ordersPerSecond / base)} ×`;
  return (
    `So the first is ${said(ceilings[0])}. The first that no further process, partition or server helps is ` +
    `${said(ceilings.find(({ onlyShards }) => onlyShards))}.`
  );
}

function assumptions(results: Results, base: number): string[] {
  const ofApi = results.value('api', 'CreateOrder: CPU of the API');
  const bytes = results.value('saga', 'stored in Postgres');
  const terabytesAYear = (times: number) => digits(((bytes ?? 0) * times * base * secondsOfDay * 365) / 1e12);
  return [
    `Topics have ${partitions} partitions when they are created. [Adding some](operations.md#more-workers) needs no ` +
      'restart; `order-events` has to be drained before.',
    `Assumed: stores on servers of ${coresOfStore} cores, and a payment gateway that takes ${gateway.seconds * 1_000} ` +
      'ms. The stub of the benchmark responds at once; its process and its database are counted here.',
    ...(ofApi === undefined
      ? []
      : [
          `An order that comes over RPC costs the API ${digits(ofApi)} ms of CPU beside that; any number of its processes ` +
            'can run.',
        ]),
    ...(bytes === undefined
      ? []
      : [
          `Postgres keeps every order: ${terabytesAYear(10)} TB a year at 10 ×, ${terabytesAYear(100)} at 100 ×. Kafka ` +
            'keeps `orders` for ever too, other topics for 30 days. Nothing moves old orders elsewhere: not built.',
        ]),
    'Postgres accepts 100 connections unless it is configured otherwise; with more processes put a ' +
      '[pooler](operations.md#deploying) before it.',
    'The CPU of an order is taken to stay the same. Not measured: several machines and the network between them, replicas ' +
      'of Kafka and Postgres, a real MongoDB, the disk, and one product that most orders want, whose row of stock is ' +
      'locked by one transaction at a time.',
    'The relays inside inventory and payment are one each, as well; their part of the CPU is not measured apart.',
    'Shards are not built. Orders, payments and their events can be divided by order id; stock cannot, because any order ' +
      'may want any product: inventory would stay one, or each shard would have a part of the stock.',
  ];
}

interface Need {
  readonly what: string;
  /** At this many orders a second; undefined: not measured. */
  readonly at: (rate: number) => number | undefined;
}

function needsTable(results: Results, base: number): string {
  const saga = (name: string) => results.value('saga', name);
  // A service that is newer than the last run is not counted.
  const services = serviceNames.filter((name) => saga(`saturation: CPU of ${name}`) !== undefined);
  /** So many for each order. */
  const each = (perOrder: number | undefined) => (rate: number) =>
    perOrder === undefined ? undefined : rate * perOrder;
  const cores = (name: string) => {
    const ms = saga(`saturation: CPU of ${name}`);
    return each(ms === undefined ? undefined : ms / 1_000);
  };
  const kafkaRequests = results
    .of('saga')
    .filter(({ name }) => name.startsWith('saturation: Kafka requests'))
    .reduce((sum, { value }) => sum + (value ?? 0), 0);
  const processes = (rate: number) =>
    services.reduce((sum, name) => sum + Math.max(1, Math.ceil(cores(name)(rate) ?? 0)), 0);
  const memory = saga('memory of all our processes');
  const gigabytesADay = (bytes: number | undefined) =>
    each(bytes === undefined ? undefined : (bytes * secondsOfDay) / 1e9);
  const stored = (name: string) => {
    const bytes = saga(name);
    return {
      what: `${name}, GB a day${bytes === undefined ? '' : ` (${digits(bytes)} bytes an order)`}`,
      at: gigabytesADay(bytes),
    };
  };
  const needs: Need[] = [
    { what: 'cores for our processes', at: cores('all our processes') },
    { what: 'cores for Postgres', at: cores('postgres') },
    { what: 'cores for Kafka', at: cores('kafka') },
    { what: 'processes, each busy with one core at most', at: processes },
    { what: 'memory of our processes, GB', at: (rate) => memoryOf(memory, services, processes(rate)) },
    {
      what: `connections to Postgres at most, ${connectionsOfProcess} per process`,
      at: (rate) => processes(rate) * connectionsOfProcess,
    },
    { what: 'SQL round trips a second', at: each(saga('saturation: SQL round trips of all our processes')) },
    { what: 'Kafka requests a second', at: each(kafkaRequests) },
    { what: `Kafka records a second, ${recordsOfOrder} an order`, at: each(recordsOfOrder) },
    ...['stored in Postgres', 'stored in Kafka', 'documents in MongoDB'].map(stored),
  ];
  const rows = needs.flatMap(({ what, at }) => {
    const values = multiples.map((times) => at(times * base));
    return values.includes(undefined) ? [] : [[what, ...values.map((value) => digits(value ?? Number.NaN))]];
  });
  return markdownTable(['', ...multiples.map((times) => `${times} ×`)], rows);
}

/** Of so many processes, in GB. `measuredMiB`: of the services measured, one process each. */
function memoryOf(
  measuredMiB: number | undefined,
  measured: readonly ServiceName[],
  processes: number,
): number | undefined {
  if (measuredMiB === undefined) return undefined;
  return (measuredMiB / measured.length) * processes * (1.048_576 / 1_000);
}
