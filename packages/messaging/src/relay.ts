import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import {
  type Component,
  counter,
  crashPoint,
  type Logger,
  type Meter,
  metric,
  observableGauge,
} from '@orderflow/runtime';
import { nativeQuery } from '@orderflow/storage';
import { backoffMs } from './backoff.ts';
import type { Kafka } from './kafka.ts';
import { kafkaErrorType, messageOf } from './kafka-error.ts';
import { createLease } from './lease.ts';
import { afterFilling, relayStatus } from './outbox.ts';
import { createProducer } from './producer.ts';

/** Below the 1 MiB that a broker takes as one batch unless told otherwise. */
const MAX_SEND_BYTES = 786_432;
const UNUSABLE_TOPIC_MS = 15_000;
/** How soon an outbox that has just been emptied is looked at again. */
const SHORTEST_POLL_MS = 4;

/** The broker will never take this record, however often it is sent. */
const refusals = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
]);
/** No record of this topic can be sent until somebody has done something about the topic. */
const topicProblems = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
]);

interface OutboxRow {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Record<string, string>;
  /** Whether the outbox has rows that the broker refuses; not this one in particular. */
  readonly any_failed: true | null;
}

export interface RelayOptions {
  readonly orm: { readonly em: SqlEntityManager };
  readonly kafka: Kafka;
  /** The name of the lease; relays of one outbox share it. */
  readonly name: string;
  readonly logger: Logger;
  readonly meter: Meter;
  /** How long a relay that died blocks its successor. */
  readonly leaseMs?: number;
  /** Rows sent at once. */
  readonly batchSize?: number;
  /** How often an outbox is looked at that has been empty for a while. */
  readonly pollMs?: number;
}

/**
 * Moves committed outbox rows to Kafka, at least once, in id order per topic and key. Of all relays of one outbox the
 * holder of the lease row works, the others wait. One send is in flight at any time; rows are deleted after the
 * broker's acknowledgement. While Kafka or Postgres is away rows stay and sending is tried again.
 *
 * A commit of this process that fills the outbox wakes it. Others are found by looking: an outbox that has been emptied
 * is looked at again after 4 ms, then 8, 16 … up to `pollMs`, so a row of another process waits about as long as it has
 * been since the one before it, and a relay that has nothing to do hardly looks.
 *
 * A row that the broker refuses for good is marked (`failed_reason`) and kept, and so are the later rows of its topic
 * and key: readers are promised order per key, and an order whose history has a hole is harder to repair than one
 * that waits. All other keys go on. A topic that does not exist holds back its own rows only, and nothing is marked:
 * they go out by themselves once it exists.
 */
export function createRelay(options: RelayOptions): Component {
  const { orm, kafka, name, logger, meter, leaseMs = 10_000, batchSize = 500, pollMs = 50 } = options;
  const lease = createLease(orm, { name, holder: randomUUID(), leaseMs });
  // A send must end well within the lease, so kafkajs may neither wait nor retry for long.
  const producer = createProducer(kafka, { requestTimeoutMs: leaseMs / 3, retries: 1 });
  const relayed = counter(meter, metric.outboxRelayed);
  const unsendable = counter(meter, metric.outboxUnsendable);
  const pending = observableGauge(meter, metric.outboxPending);
  const unusableTopics = new Map<string, number>();
  const stopping = new AbortController();
  let working: Promise<void> = Promise.resolve();
  let problem: Error | undefined;
  /** Aborted when the next look should not wait: this process has filled the outbox since the last one began, or stops. */
  let waiting = new AbortController();

  const observePending: Parameters<typeof pending.addCallback>[0] = async (result) => {
    result.observe((await relayStatus(orm)).pending);
  };

  async function run(): Promise<void> {
    let attempt = 0;
    let pollAfterMs = SHORTEST_POLL_MS;
    while (!stopping.signal.aborted) {
      try {
        waiting = new AbortController();
        const found = await relayOnce();
        if (problem !== undefined) logger.info({ relay: name }, 'outbox relay works again');
        problem = undefined;
        attempt = 0;
        pollAfterMs = found === 'nothing' ? Math.min(pollAfterMs * 2, pollMs) : SHORTEST_POLL_MS;
        if (found === 'no lease') await pause(leaseMs / 4);
        else if (found !== 'more') await rest(pollAfterMs);
      } catch (error) {
        problem ??= logProblem(error);
        await pause(backoffMs(attempt));
        attempt += 1;
      }
    }
  }

  function logProblem(error: unknown): Error {
    const reason = new Error(`outbox relay ${name}: ${messageOf(error)}`, { cause: error });
    logger.error(
      { err: reason, relay: name },
      'outbox relay is held up; rows stay in the outbox, trying again',
    );
    return reason;
  }

  async function pause(ms: number, signal = stopping.signal): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {});
  }

  /** Rows that come close together are sent together, so nothing ends the shortest wait. */
  async function rest(ms: number): Promise<void> {
    await pause(SHORTEST_POLL_MS);
    await pause(ms - SHORTEST_POLL_MS, waiting.signal);
  }

  /** One look at the outbox. */
  async function relayOnce(): Promise<'no lease' | 'nothing' | 'all' | 'more'> {
    if (!(await holdsLease()) && !(await lease.acquire())) return 'no lease';
    const rows = await lowestRows();
    if (rows.length === 0) return 'nothing';
    const held = new Set<string>();
    for (const chunk of chunks(rows)) {
      if (!(await relayRows(chunk, held))) break;
    }
    return rows.length < batchSize ? 'all' : 'more';
  }

  async function holdsLease(): Promise<boolean> {
    // Once it ran out somebody else may have sent what we have read: only a new look at the outbox may follow.
    if (lease.remainingMs() <= 0) return false;
    if (lease.remainingMs() < (leaseMs * 2) / 3) await lease.acquire();
    return lease.remainingMs() > leaseMs / 3;
  }

  /** Always the lowest ids there are: transactions commit out of id order, so a cursor would skip rows. */
  async function lowestRows(): Promise<OutboxRow[]> {
    for (const [topic, until] of unusableTopics) {
      if (performance.now() > until) unusableTopics.delete(topic);
    }
    // Most looks find an outbox that is empty, or where no row has failed: one statement, which reads just its rows from
    // the primary key. With failed rows the plan depends on statistics, which a backlog that has just come does not have.
    const rows = await selectRows('true');
    if (!rows.some(({ any_failed }) => any_failed)) return rows;
    return selectRows(`failed_time is null and not exists (
      select from outbox f
      where f.failed_time is not null and f.topic = o.topic and f.key = o.key and f.id < o.id)`);
  }

  async function selectRows(sendable: string): Promise<OutboxRow[]> {
    // Its order makes `any_failed` a look into the index of failed rows, once for all rows.
    return nativeQuery<OutboxRow>(
      orm.em.fork(),
      `select id, topic, key, value, headers,
         (select true from outbox where failed_time is not null order by topic, key, id limit 1) as any_failed
       from outbox o where topic <> all ($2::text[]) and ${sendable}
       order by id limit $1`,
      [batchSize, [...unusableTopics.keys()]],
    );
  }

  /** Sends rows and deletes them. False when the lease is gone. `held` are the keys that must wait. */
  async function relayRows(candidates: OutboxRow[], held: Set<string>): Promise<boolean> {
    const isHeld = (row: OutboxRow) => held.size > 0 && held.has(keyOf(row));
    const rows = candidates.filter((row) => !isHeld(row) && !unusableTopics.has(row.topic));
    const [first] = rows;
    if (first === undefined) return true;
    if (stopping.signal.aborted || !(await holdsLease())) return false;
    try {
      await producer.send(rows);
    } catch (error) {
      const type = kafkaErrorType(error) ?? '';
      if (!refusals.has(type) && !topicProblems.has(type) && !(error instanceof TypeError)) throw error;
      const topics = [...Map.groupBy(rows, (row) => row.topic).values()];
      if (topics.length > 1) return inTurn(topics, held);
      if (topicProblems.has(type)) return holdTopic(first.topic, error);
      if (rows.length > 1) {
        const middle = rows.length >> 1;
        return inTurn([rows.slice(0, middle), rows.slice(middle)], held);
      }
      held.add(keyOf(first));
      await markFailed(first, error);
      return true;
    }
    crashPoint('relay-after-ack');
    await nativeQuery(orm.em.fork(), 'delete from outbox where id = any ($1::bigint[])', [
      rows.map((row) => row.id),
    ]);
    for (const [topic, sent] of Map.groupBy(rows, (row) => row.topic)) relayed.add(sent.length, { topic });
    return true;
  }

  async function inTurn(parts: OutboxRow[][], held: Set<string>): Promise<boolean> {
    for (const part of parts) {
      if (!(await relayRows(part, held))) return false;
    }
    return true;
  }

  function holdTopic(topic: string, error: unknown): boolean {
    unusableTopics.set(topic, performance.now() + UNUSABLE_TOPIC_MS);
    logger.error(
      { err: error, relay: name, topic },
      'outbox rows of this topic wait: create the topic, or allow this service to write to it',
    );
    return true;
  }

  async function markFailed(row: OutboxRow, error: unknown): Promise<void> {
    await nativeQuery(
      orm.em.fork(),
      'update outbox set failed_reason = $2, failed_time = clock_timestamp() where id = $1',
      [row.id, messageOf(error)],
    );
    unsendable.add(1, { topic: row.topic });
    logger.error(
      { err: error, relay: name, outbox_id: row.id, topic: row.topic, key: row.key, bytes: row.value.length },
      'the broker refuses this outbox row for good; it and later rows of its key wait until the cause is gone and ' +
        'its failed_reason and failed_time are set to null',
    );
  }

  return {
    name: `relay ${name}`,
    async start() {
      afterFilling(orm, () => waiting.abort());
      pending.addCallback(observePending);
      working = run();
    },
    async stop() {
      stopping.abort();
      waiting.abort();
      await working;
      pending.removeCallback(observePending);
      await producer.close();
      await lease.release();
    },
    async check() {
      if (problem !== undefined) throw problem;
    },
  };
}

function keyOf(row: OutboxRow): string {
  return JSON.stringify([row.topic, row.key]);
}

function chunks(rows: OutboxRow[]): OutboxRow[][] {
  const all: OutboxRow[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    let size = row.value.length + row.key.length;
    for (const name in row.headers) size += name.length + (row.headers[name]?.length ?? 0);
    bytes += size;
    if (bytes > MAX_SEND_BYTES) {
      all.push([]);
      bytes = size;
    }
    all.at(-1)?.push(row);
  }
  return all;
}
