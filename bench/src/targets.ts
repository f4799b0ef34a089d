import type { Result } from './results.ts';
import { watchTargets } from './watch-targets.ts';

/** A target, as docs/performance.md shows it. */
export interface Target {
  readonly benchmark: string;
  readonly figure: string;
  /** As `>= 10` or `<= 1.5`. Absent: the figure carries it. */
  readonly target?: string;
  /** The figure in plain words. */
  readonly words: string;
  /** Why it is missed, and what was tried; shown while it is missed. Names decisions, and no values that change. */
  readonly missed?: string;
}

const decision = (file: string) => `[${file.slice(0, 4)}](decisions/${file}.md)`;
const workerCost = decision('0013-what-an-order-costs');
const coalesced = decision('0016-orders-taken-together');
const latency = decision('0017-how-long-an-order-takes');
const unaryCalls = decision('0033-unary-grpc-without-streams');
const notified = decision('0034-relays-are-notified');
const clientCalls = decision('0035-unary-calls-without-streams');
const offsets = decision('0036-offsets-committed-later');
const dutyCycle = decision('0042-a-quarter-of-the-time');
const transactions = decision('0037-one-way-to-open-a-transaction');
const oneDecider = decision('0046-one-decider');
const memory = decision('0040-memory-of-a-process');

const costOfOrder =
  "An order is eight transactions of three services, the gateway's beside them, and eight records; both cores are in " +
  'use, so the rate is that of the CPU. Of what was tried, prepared statements, merged batches, notified relays, fewer ' +
  `round trips and fewer commits stayed (${latency}, ${notified}, ${offsets}, ${transactions}).`;
const fullCores =
  `At 50 a second an order waits for a core (${latency}), and for others to be handled with (${dutyCycle}). What made a ` +
  `batch cheaper made the next one smaller (${transactions}).`;
const costOfWorker =
  'Accepted orders are written as bytes, without objects in between. What is left is spread thin: garbage of judging and ' +
  `of transitions, JSON, system calls. ${workerCost} says what was tried, kept and dropped.`;
const costOfCall =
  `Calls that arrive together are coalesced, and nothing that is small is compressed (${coalesced}); they are served ` +
  `without Connect's streams (${unaryCalls}). By reading the code, the rest is the pre-check: two caches, a call to ` +
  'inventory, the judgement.';

/** The targets, in the order of the page. */
export const targets: readonly Target[] = [
  {
    benchmark: 'saga',
    figure: 'round trips on the critical path',
    target: '<= 28',
    words: 'SQL, RPC and Kafka round trips on the critical path of one order',
    missed:
      'Eight transactions of three services follow each other, each with its lock, its writes and its event on the way ' +
      'to the next. Notified relays, transactions that begin with their locks, and relays with a connection of their own ' +
      `brought them down from about 45, by reading the code (${notified}, ${transactions}).`,
  },
  {
    benchmark: 'saga',
    figure: 'saturation: CPU of a whole order',
    target: '<= 10',
    words: 'CPU of a whole order from a backlog, our processes and stores',
    missed: costOfOrder,
  },
  {
    benchmark: 'saga',
    figure: 'saturation: CPU of a whole order without the stand-ins',
    target: '<= 7',
    words: "CPU of a whole order from a backlog without the stand-ins, the payment gateway's and MongoDB's",
    missed: costOfOrder,
  },
  {
    benchmark: 'saga',
    figure: 'saturation: rate',
    target: '>= 180',
    words: 'whole orders from a backlog',
    missed: costOfOrder,
  },
  {
    benchmark: 'saga',
    figure: 'CPU of a whole order',
    target: '<= 18',
    words: 'CPU of a whole order at 50 a second',
    missed:
      'A batch of one order costs many times what an order of a large batch costs. Half the round trips ' +
      `(${transactions}), a fifth of the commits (${offsets}) and pauses after small batches (${dutyCycle}) made it ` +
      'cheaper; longer pauses would, too, and make orders wait.',
  },
  {
    benchmark: 'saga',
    figure: '2/s: created → CONFIRMED / saga floor, p50',
    target: '<= 1.8',
    words: 'created → CONFIRMED at 2 a second against the floor with the same guarantees, p50',
    missed:
      'The floor is one process whose relays never wait; an order crosses seven. Notified relays, fewer round trips and ' +
      `calls without streams brought it closer (${notified}, ${transactions}, ${unaryCalls}, ${clientCalls}). An API that ` +
      `decides orders would, too, and not by enough (${oneDecider}).`,
  },
  {
    benchmark: 'saga',
    figure: '2/s: created → CONFIRMED / saga floor, p99',
    target: '<= 3',
    words: 'created → CONFIRMED at 2 a second against that floor, p99',
    missed: 'A round has 30 orders: its p99 is the slowest of them.',
  },
  {
    benchmark: 'saga',
    figure: 'created → CONFIRMED / saga floor, p50',
    target: '<= 4',
    words: 'created → CONFIRMED at 50 a second against that floor, p50',
    missed: fullCores,
  },
  {
    benchmark: 'saga',
    figure: 'created → CONFIRMED / saga floor, p99',
    target: '<= 8',
    words: 'created → CONFIRMED at 50 a second against that floor, p99',
    missed: fullCores,
  },
  {
    benchmark: 'saga',
    figure: 'CPU of all our processes, idle',
    target: '<= 5',
    words: 'CPU of all our processes, idle',
    missed:
      "Nine processes have timers: monitors of their event loops, heartbeats and fetches of kafkajs, relays' polls. " +
      `Notified relays poll five times less (${notified}), empty fetches wait for a second (${offsets}). Monitors that ` +
      'look half as often would spare a twentieth of it (`runtime/src/process-metrics.ts`), and see less.',
  },
  {
    benchmark: 'saga',
    figure: 'memory of all our processes',
    target: '<= 1300',
    words: 'memory of all our processes after the load',
    missed:
      'The sum of nine processes of Node counts the pages that they share, of the program and its libraries, nine ' +
      `times. What was saved, and what modules, heaps and threads take of the rest, is in ${memory}. The roles of the ` +
      'order service can share a process, which spares up to four; as processes of their own they can be scaled and ' +
      'restarted alone.',
  },
  {
    benchmark: 'rpc',
    figure: 'rate: ours / grpc-js',
    target: '>= 1',
    words: 'unary gRPC with 64 callers against a grpc-js server',
    missed:
      `Calls are served without Connect's streams, ids of traces and abort signals are made for the calls that need ` +
      `them, and closed streams let go of what they held (${unaryCalls}). What is left, a grpc-js server does not do: ` +
      'validation, metrics, the check of bytes and the memory budget.',
  },
  {
    benchmark: 'api',
    figure: 'CreateOrder / empty RPC and its SQL in series',
    target: '>= 0.75',
    words: 'CreateOrder against an empty RPC and its SQL in series',
    missed: costOfCall,
  },
  {
    // 1.4 times the 713 calls/s of before.
    benchmark: 'api',
    figure: 'CreateOrder: rate',
    target: '>= 998',
    words: 'CreateOrder of one process, 64 callers',
    missed: costOfCall,
  },
  {
    benchmark: 'api',
    figure: 'GET of an order: REST above Connect',
    target: '<= 20',
    words: 'GET /orders/{id} above the same call over Connect, CPU',
  },
  {
    benchmark: 'api',
    figure: 'POST of an order: REST above Connect',
    target: '<= 20',
    words: 'POST /orders above the same call over Connect, CPU',
  },
  {
    benchmark: 'api',
    figure: 'token, known: above a call without',
    target: '<= 10',
    words: 'a token that was verified in the last minute, above a call that needs none, CPU',
  },
  {
    benchmark: 'api',
    figure: 'token, new: above a call without',
    target: '<= 120',
    words: 'a token that is new, above a call that needs none, CPU',
  },
  {
    benchmark: 'api',
    figure: "flood: another caller's p99 / alone",
    target: '<= 3',
    words: "another caller's p99 while one makes ten times as many calls as it may",
  },
  {
    benchmark: 'worker',
    figure: 'worker: CPU',
    target: '<= 0.085',
    words: "the worker's CPU, with everything cached",
    missed: costOfWorker,
  },
  {
    benchmark: 'worker',
    figure: 'worker / careful, per CPU s',
    target: '>= 11',
    words: "the worker's orders per CPU second against a one-at-a-time consumer with the same guarantees",
    missed: costOfWorker,
  },
  {
    benchmark: 'worker',
    figure: 'worker / one at a time, per CPU s',
    target: '>= 4.5',
    words: "the worker's orders per CPU second against a careless one-at-a-time consumer",
    missed: costOfWorker,
  },
  {
    benchmark: 'worker',
    figure: 'worker rate / stages in series',
    target: '>= 0.8',
    words: "the worker's rate against its raw stages in series",
    missed: `The worker does more than its stages, and shares two cores with the stores (${workerCost}).`,
  },
  {
    benchmark: 'api',
    figure: 'relay / the slower of the two',
    target: '>= 0.76',
    words: 'the relay on a backlog against the slower of raw produce and raw delete',
    missed:
      `Most of what is left is kafkajs writing headers (${coalesced}). Reading the next rows while some are sent was ` +
      `tried, and breaks the order of a key (${notified}).`,
  },
  {
    benchmark: 'api',
    figure: 'rows sent from memory and deleted / raw produce',
    target: '>= 0.9',
    words:
      'the least of a relay that gets its rows in memory, against raw produce: sending and deleting them',
    missed:
      'Such a relay is not built: it would spare a read, and the order of commits across processes makes it hard ' +
      `(${notified}).`,
  },
  {
    benchmark: 'worker',
    figure: 'cold: BatchGets per chunk of missing ids',
    target: '<= 1.1',
    words: 'calls to the enrichment API per chunk of missing ids, with an empty cache',
  },
  {
    benchmark: 'worker',
    figure: 'backlog: rate of last / first tenth',
    target: '>= 0.9',
    words: 'rate of the last tenth of a long backlog against the first',
  },
  {
    benchmark: 'worker',
    figure: 'backlog: memory, last / second tenth',
    target: '<= 1.2',
    words: 'memory in the last tenth of a long backlog against the second',
    missed:
      'It rises for a minute and then stays: in a backlog two and a half times as long the target is met ' +
      '(`BENCH_BACKLOG=500000`).',
  },
  {
    benchmark: 'worker',
    figure: 'one at a time: per CPU second',
    target: '>= 800',
    words: 'orders per CPU second of the careless consumer: it is no straw man',
  },
  ...watchTargets,
  {
    benchmark: 'overload',
    figure: 'an order is overtaken by: most',
    words: 'at twice the load: an order is overtaken by: most',
  },
];

/** Benchmarks whose figures carry their targets: what they are called depends on what is measured. */
export const withTargetsOfTheirOwn: readonly string[] = ['survive', 'growth', 'overload'];

/** The target of a figure; undefined: it has none, or carries it. */
export function targetOf(benchmark: string, figure: string): string | undefined {
  return targets.find((each) => each.benchmark === benchmark && each.figure === figure)?.target;
}

/** A figure with its target, and whether it is met. */
export function judged(benchmark: string, figure: Omit<Result, 'met'>): Result {
  const own = withTargetsOfTheirOwn.includes(benchmark) ? figure.target : null;
  const target = targetOf(benchmark, figure.name) ?? own;
  return { ...figure, target, met: isMet(figure.value, target) };
}

function isMet(value: number | null, target: string | null): boolean | null {
  if (target === null || value === null) return null;
  const [comparison, limit] = target.split(' ');
  return comparison === '>=' ? value >= Number(limit) : value <= Number(limit);
}
