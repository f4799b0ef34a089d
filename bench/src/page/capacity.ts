import { serviceNames } from '@orderflow/local/system';
import type { Results } from '../results.ts';
import { ceilingsOf, coresOfStore, gateway, partitions } from './ceilings.ts';
import { digits, markdownTable } from './format.ts';

const multiples = [1, 10, 100] as const;
/** Connections to Postgres of a process: its pool, one for gauges, one for notifications of its relay. */
const connectionsOfProcess = 10 + 1 + 1;
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
  const ceilingRows = ceilings.map(({ resource, arithmetic, ordersPerSecond, remedy }) => [
    resource,
    arithmetic,
    digits(ordersPerSecond),
    ...marks.map((times) => (ordersPerSecond >= times * base ? '✓' : '✗')),
    remedy,
  ]);
  const heads = ['resource', 'arithmetic', 'orders/s', ...marks.map((times) => `${times} ×`), 'what to do'];
  const [first] = ceilings;
  const short = (times: number) =>
    ceilings.filter(({ ordersPerSecond }) => ordersPerSecond < times * base).length;
  return [
    `One machine of two cores completes ${digits(base)} orders a second from a backlog: that is 1 × here. It runs out of ` +
      `cores first: 2 cores ÷ ${digits(cost)} ms are ${digits(2_000 / cost)} orders a second. Processes and stores on ` +
      'more machines carry more, until one of these runs out; the first comes first:',
    markdownTable(heads, ceilingRows),
    first === undefined
      ? ''
      : `At 10 ×, ${digits(10 * base)} orders a second, ${short(10)} of them ${short(10) === 1 ? 'is' : 'are'} short; at ` +
        `100 ×, ${digits(100 * base)} a second, ${short(100)}. The first is *${first.resource}*, at ` +
        `${digits(first.ordersPerSecond / base)} ×.`,
    'What that many orders need:',
    needsTable(results, base),
    assumptions,
  ].join('\n\n');
}

const assumptions = [
  `- Topics have ${partitions} partitions when they are created. [Adding some](operations.md#more-workers) needs no ` +
    'restart; `order-events` has to be drained before.',
  `- Assumed: stores on servers of ${coresOfStore} cores, and a payment gateway that takes ` +
    `${gateway.seconds * 1_000} ms. The stub of the benchmark answers at once, and its database is part of the CPU of ` +
    'Postgres.',
  '- The CPU of an order is taken to stay the same. Not measured: several machines and the network between them, ' +
    "Kafka's replicas, a real MongoDB, one product that most orders want (its row of stock is locked by one transaction " +
    'at a time), Postgres’ disk.',
  '- Orders that come over RPC cost the API its part beside this; any number of its processes can run.',
  '- Shards by order id are not built. What stands in their way is stock: a product belongs to one inventory.',
].join('\n');

interface Need {
  readonly what: string;
  /** At this many orders a second; undefined: not measured. */
  readonly at: (rate: number) => number | undefined;
}

function needsTable(results: Results, base: number): string {
  const saga = (name: string) => results.value('saga', name);
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
    serviceNames.reduce((sum, name) => sum + Math.max(1, Math.ceil(cores(name)(rate) ?? 0)), 0);
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
    { what: 'memory of our processes, GB', at: (rate) => memoryOf(memory, processes(rate)) },
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

/** Of so many processes, in GB. */
function memoryOf(measuredMiB: number | undefined, processes: number): number | undefined {
  if (measuredMiB === undefined) return undefined;
  return (measuredMiB / serviceNames.length) * processes * (1.048_576 / 1_000);
}
