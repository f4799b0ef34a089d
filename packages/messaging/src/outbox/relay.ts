import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Component,
  cachedReading,
  counter,
  crashPoint,
  type Logger,
  type Meter,
  observableGauge,
} from '@orderflow/runtime';
import type { Database, Listen, OwnConnection, RunSql, Subscription } from '@orderflow/storage';
import { backoffMs } from '../backoff.ts';
import { createDutyCycle } from '../duty-cycle.ts';
import type { Kafka } from '../kafka.ts';
import { isPermanentRefusal, kafkaErrorType, messageOf } from '../kafka-error.ts';
import { metric } from '../metrics.ts';
import { createProducer } from '../producer.ts';
import { createLease } from './lease.ts';
import { chunks, isAll, keyOf, lowestRows, type OutboxRow } from './lowest-rows.ts';
import { afterOutboxCommit, outboxChannel, relayNotifier } from './outbox.ts';

const UNUSABLE_TOPIC_MS = 15_000;
/** How soon an outbox that has just been drained is polled again at the earliest. */
const MIN_POLL_MS = 4;
/** At most this much of the time is spent on polls that find less than a batch. */
const smallPolls = { share: 0.25, burstMs: 30, maxPauseMs: 100 };
/** The interval between polls of an empty outbox while notifications cannot arrive. */
const UNNOTIFIED_POLL_MS = 50;

/** Errors that concern every record of a topic until an operator fixes the topic. */
const topicProblems = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
]);

export interface RelayOptions {
  readonly database: Database;
  /** Counts the outbox when metrics are read. */
  readonly readGauge: RunSql;
  /** Creates the connection that reads and deletes rows. */
  readonly relayConnection: () => OwnConnection;
  /** Receives the notifications of other processes that write to the outbox. */
  readonly listen: Listen;
  readonly kafka: Kafka;
  /** The name of the lease; relays of one outbox share it. */
  readonly name: string;
  readonly logger: Logger;
  readonly meter: Meter;
  /** How long a relay that died blocks its successor, in milliseconds. */
  readonly leaseMs?: number;
  /** The number of rows sent at once. */
  readonly batchSize?: number;
  /** The interval between polls of an empty outbox of which no notification comes, in milliseconds. */
  readonly pollMs?: number;
}

/**
 * Moves committed outbox rows to Kafka, at least once, in id order per topic and key. Of all relays of one outbox only
 * the holder of the lease row works. One send is in flight at any time; the relay deletes rows after the broker has
 * acknowledged them, in a backlog during the next send. While Kafka or Postgres is unavailable, rows stay in the outbox
 * and the relay retries.
 *
 * A commit that writes to the outbox wakes the relay: in its own process directly, in another by a notification. A
 * notification may be lost, so an empty outbox is polled every `pollMs`, and every 50 ms while none can arrive.
 *
 * A row that the broker permanently refuses is marked (`failed_reason`) and kept, and so are the later rows of its
 * topic and key: consumers are promised order per key, and an order whose history has a hole is harder to repair than
 * one that waits. All other keys continue. A topic that does not exist blocks only its own rows, and no row is marked:
 * they are sent once the topic exists.
 */
export function createRelay(options: RelayOptions): Component {
  const {
    database,
    readGauge,
    relayConnection,
    listen,
    kafka,
    name,
    logger,
    meter,
    leaseMs = 10_000,
    batchSize = 500,
    pollMs = 250,
  } = options;
  const connection = relayConnection();
  const dutyCycle = createDutyCycle(smallPolls);
  const lease = createLease(database, { name, holder: randomUUID(), leaseMs });
  // A send must end well within the lease, so kafkajs may neither wait nor retry for long.
  const producer = createProducer(kafka, { requestTimeoutMs: leaseMs / 4, retries: 1 });
  const relayed = counter(meter, metric.outboxRelayed);
  const unsendable = counter(meter, metric.outboxUnsendable);
  const pending = observableGauge(meter, metric.outboxPending);
  const unusableTopics = new Map<string, number>();
  /** The ids of rows that the broker has acknowledged and that have not been deleted. */
  const sent: string[] = [];
  const stopping = new AbortController();
  let working: Promise<void> = Promise.resolve();
  let problem: Error | undefined;
  /** Aborted to end the wait for the next poll: the outbox has been written to since the last one, or it stops. */
  let idleWait = new AbortController();
  let notifications: Subscription | undefined;
  const notifyOthers = relayNotifier(database);

  const countRows = cachedReading(() =>
    readGauge<{ count: number }>('select count(*)::int as count from outbox'),
  );
  const observePending: Parameters<typeof pending.addCallback>[0] = async (result) => {
    const [row] = await countRows();
    if (row !== undefined) result.observe(row.count);
  };

  async function run(): Promise<void> {
    let attempt = 0;
    while (!stopping.signal.aborted) {
      try {
        idleWait = new AbortController();
        const { result: found, pauseMs } = await dutyCycle.run(relayOnce);
        if (problem !== undefined) logger.info({ relay: name }, 'outbox relay works again');
        problem = undefined;
        attempt = 0;
        if (found === 'no lease') await pause(leaseMs / 4);
        else if (found !== 'more') await waitForNextPoll(pauseMs);
      } catch (error) {
        problem ??= logProblem(error);
        await pause(backoffMs(attempt));
        attempt += 1;
      }
    }
    // Not tried again when it has just failed. They are then sent again, as after a crash.
    if (problem === undefined) await deleteSent().catch(() => {});
  }

  function logProblem(error: unknown): Error {
    const reason = new Error(`outbox relay ${name}: ${messageOf(error)}`, { cause: error });
    logger.error({ err: reason, relay: name }, 'outbox relay failed: rows stay in the outbox; retrying');
    return reason;
  }

  async function pause(ms: number, signal = stopping.signal): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {});
  }

  /** Nothing ends the shortest wait, so that rows written at about the same time are sent at once. */
  async function waitForNextPoll(pauseMs: number): Promise<void> {
    const ms = notifications?.isListening() ? pollMs : Math.min(pollMs, UNNOTIFIED_POLL_MS);
    const minMs = Math.max(MIN_POLL_MS, pauseMs);
    await pause(minMs);
    await pause(ms - minMs, idleWait.signal);
  }

  /** Polls the outbox once and sends what it finds. */
  async function relayOnce(): Promise<'no lease' | 'nothing' | 'all' | 'more'> {
    if (!(await holdsLease()) && !(await lease.acquire())) return 'no lease';
    const rows = await sendableRows();
    const held = new Set<string>();
    let maySend = true;
    for (const chunk of chunks(rows)) {
      maySend = await sendWhileDeleting(chunk, held);
      if (!maySend) break;
    }
    // In a backlog the last rows of a poll are deleted while the first of the next one are sent.
    if (maySend && !isAll(rows, batchSize)) return 'more';
    await deleteSent();
    if (!maySend) return 'more';
    return rows.length === 0 ? 'nothing' : 'all';
  }

  /** Sends rows while those that were sent before them are deleted. Returns what `relayRows` returns. */
  async function sendWhileDeleting(rows: OutboxRow[], held: Set<string>): Promise<boolean> {
    const deletion = deleteSent();
    // Both have ended before anything else is sent or deleted.
    const [sending] = await Promise.allSettled([relayRows(rows, held), deletion]);
    await deletion;
    if (sending.status === 'rejected') throw sending.reason;
    return sending.value;
  }

  /** Deletes the rows that have been acknowledged so far. Those whose deletion fails stay for the next attempt. */
  async function deleteSent(): Promise<void> {
    const ids = [...sent];
    if (ids.length === 0) return;
    await connection.query('delete from outbox where id = any ($1::bigint[])', [ids]);
    sent.splice(0, ids.length);
  }

  async function holdsLease(): Promise<boolean> {
    // Once it has expired another relay may have sent the rows we have read, so the outbox has to be read again.
    if (lease.remainingMs() <= 0) return false;
    if (lease.remainingMs() < (leaseMs * 2) / 3) await lease.acquire();
    return lease.remainingMs() > leaseMs / 3;
  }

  async function sendableRows(): Promise<OutboxRow[]> {
    for (const [topic, until] of unusableTopics) {
      if (performance.now() > until) unusableTopics.delete(topic);
    }
    return lowestRows(connection, batchSize, [...unusableTopics.keys()], sent);
  }

  /**
   * Sends rows. Returns false when it must not send any more: the lease is lost, or the relay stops. `held` are the keys
   * that must wait.
   */
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
      if (!isPermanentRefusal(error) && !topicProblems.has(type)) throw error;
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
    for (const { id } of rows) sent.push(id);
    for (const [topic, own] of Map.groupBy(rows, (row) => row.topic)) relayed.add(own.length, { topic });
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
      'outbox rows of this topic are blocked: create the topic, or allow this service to write to it',
    );
    return true;
  }

  async function markFailed(row: OutboxRow, error: unknown): Promise<void> {
    await connection.query(
      'update outbox set failed_reason = $2, failed_time = clock_timestamp() where id = $1',
      [row.id, messageOf(error)],
    );
    unsendable.add(1, { topic: row.topic });
    logger.error(
      { err: error, relay: name, outbox_id: row.id, topic: row.topic, key: row.key, bytes: row.value.length },
      'the broker permanently refuses this outbox row: it and later rows of its key wait until the cause is fixed ' +
        'and its failed_reason and failed_time are set to null',
    );
  }

  return {
    name: `relay ${name}`,
    async start() {
      const wake = () => idleWait.abort();
      notifications = listen(outboxChannel, wake);
      afterOutboxCommit(database, () => (lease.remainingMs() > 0 ? wake() : notifyOthers()));
      pending.addCallback(observePending);
      working = run();
    },
    async stop() {
      stopping.abort();
      idleWait.abort();
      await working;
      pending.removeCallback(observePending);
      await producer.close();
      await lease.release();
      await notifications?.close();
      await connection.close();
    },
    async check() {
      if (problem !== undefined) throw problem;
    },
  };
}
