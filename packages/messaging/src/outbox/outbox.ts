import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Sql, Transaction } from '@orderflow/storage';
import { byteaArray, textArray } from '@orderflow/storage/driver';
import { MAX_RECORD_BYTES, RECORD_OVERHEAD_BYTES, RecordTooLargeError, recordBytes } from './record-size.ts';

/** A record that will be published after the transaction that writes it commits. */
export interface OutboxMessage {
  /** Without the prefix. */
  readonly topic: string;
  /** Records of one key are published in the order in which they were appended. */
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Record<string, string>;
}

/**
 * The statements of a service's migration for the outbox and the lease of its relay.
 * `headers` is json, not jsonb, because jsonb refuses some strings.
 * `failed_reason`, `failed_time`: the broker permanently refuses this row. Clearing both has the relay try it again.
 */
export const outboxMigration: readonly string[] = [
  `create table outbox (
    id bigint generated always as identity primary key,
    topic text not null,
    key text not null,
    value bytea not null,
    headers json not null,
    create_time timestamptz not null default now(),
    failed_reason text,
    failed_time timestamptz
  )`,
  'create index outbox_failed on outbox (topic, key, id) where failed_time is not null',
  `create table relay_lease (
    name text primary key,
    holder text not null,
    expires_at timestamptz not null
  )`,
];

/**
 * The statement of a service's later migration that lets the relay skip the rows that the broker refuses. It blocks
 * writers of the outbox while it runs: 1 s with a million rows, no measurable time with an outbox that is drained.
 */
export const outboxSendableMigration =
  'create index if not exists outbox_sendable on outbox (id) where failed_time is null';

/** Open transactions that have written outbox messages. */
const transactionsWithMessages = new WeakSet<Transaction>();

/**
 * Writes messages into the outbox with a transaction, so that they are published if and only if it commits. Ids ascend
 * in the order of `messages`. Transactions that write messages of one key must exclude each other (a row lock on what
 * the key identifies), or their order is undefined.
 * @throws RecordTooLargeError for a message larger than a topic accepts by default: nothing may be acknowledged that
 *   can never be sent.
 */
export function appendOutbox(transaction: Transaction, messages: readonly OutboxMessage[]): void {
  if (messages.length === 0) return;
  const headers = messages.map((message) => {
    const text = JSON.stringify(message.headers);
    throwIfTooLarge(message, text);
    return text;
  });
  transaction.write(
    `insert into outbox (topic, key, value, headers)
     select topic, key, value, headers::json
     from unnest($1::text[], $2::text[], $3::bytea[], $4::text[]) with ordinality
       as message (topic, key, value, headers, position)
     order by position`,
    [
      textArray(messages.map((message) => message.topic)),
      textArray(messages.map((message) => message.key)),
      byteaArray(messages.map((message) => message.value)),
      textArray(headers),
    ],
  );
  transactionsWithMessages.add(transaction);
}

function throwIfTooLarge(message: OutboxMessage, headers: string): void {
  // A character is at most three bytes; a header is six characters at least, and adds ten bytes to a record.
  const roughly = RECORD_OVERHEAD_BYTES + 3 * message.key.length + message.value.length + 5 * headers.length;
  if (roughly <= MAX_RECORD_BYTES) return;
  const bytes = recordBytes(message);
  if (bytes > MAX_RECORD_BYTES) throw new RecordTooLargeError(message.topic, message.key, bytes);
}

/** The channel of the notifications that an outbox has new rows; each database has its own. */
export const outboxChannel = 'outbox';
/** The shortest interval between two notifications of a process. */
const NOTIFY_INTERVAL_MS = 10;

/** Calls `onCommit` after each commit, in this process, of a transaction that has written outbox messages. */
export function afterOutboxCommit(database: Database, onCommit: () => void): void {
  database.afterCommit((transaction) => {
    if (transactionsWithMessages.has(transaction)) onCommit();
  });
}

/**
 * Creates a function that wakes the relays of all processes, by a statement of its own: transactions that notify wait
 * for each other when they commit. A notification may be lost, with its process for example; then a relay finds the
 * rows by polling.
 */
export function relayNotifier(database: Sql): () => void {
  let isIdle = true;
  let isDue = false;

  async function notify(): Promise<void> {
    isIdle = false;
    while (isDue) {
      isDue = false;
      try {
        await database.query(`select pg_notify('${outboxChannel}', '')`);
      } catch {
        // Lost, see above.
      }
      await sleep(NOTIFY_INTERVAL_MS, undefined, { ref: false });
    }
    isIdle = true;
  }

  return () => {
    isDue = true;
    if (isIdle) void notify();
  };
}

/** Wakes the relay of another process after each commit of this one that has written outbox messages. */
export function notifyRelays(database: Database): void {
  afterOutboxCommit(database, relayNotifier(database));
}

/** The backlog of an outbox, for operators. */
export interface RelayStatus {
  /** Rows not yet acknowledged by the broker, failed ones included. */
  readonly pending: number;
  /** Rows that the broker permanently refuses. Later rows of the same topic and key wait behind them. */
  readonly failed: number;
  /** When the oldest pending row was written. */
  readonly oldest: Date | undefined;
}

export async function relayStatus(database: Sql): Promise<RelayStatus> {
  const [row] = await database.query<{
    pending: number;
    failed: number;
    oldest: number | null;
  }>(`select count(*)::int as pending, count(failed_time)::int as failed,
            extract(epoch from min(create_time))::float8 * 1000 as oldest
     from outbox`);
  const { pending = 0, failed = 0, oldest = null } = row ?? {};
  return { pending, failed, oldest: oldest === null ? undefined : new Date(oldest) };
}
