import { messageOf } from '../kafka-error.ts';
import type { ReceivedRecord } from '../received-record.ts';
import type { DeadLetter } from './dead-letters.ts';

/** What a handler has done with a batch. Records it does not mention are handled. */
export interface BatchResult {
  /** Records that will never be handled successfully. */
  readonly deadLetters?: readonly DeadLetter[];
  /** The first record that cannot be handled yet: it and those after it are delivered again. */
  readonly retryFrom?: ReceivedRecord;
  /** The cause, for the log. */
  readonly retryCause?: string;
  /** The handler used no store, so its success does not show that the stores work. */
  readonly idle?: boolean;
}

export interface BatchContext {
  /** Aborts when the partition is revoked: another member repeats what is done after that. */
  readonly signal: AbortSignal;
  /** False as soon as the partition may belong to another member, also after this process was frozen. */
  isCurrent(): boolean;
}

/**
 * Handles records of one partition or of several, those of each in order. Must be idempotent: records are delivered
 * again after a crash, a rebalance or a pause, and while the failing record of a batch is searched for.
 */
export type BatchHandler = (
  records: ReceivedRecord[],
  context: BatchContext,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that has nothing to report returns nothing
) => Promise<BatchResult | void>;

export interface BatchOutcome {
  /** How many records, from the first, are handled or dead-lettered. */
  readonly done: number;
  readonly deadLetters: readonly DeadLetter[];
  /** A record was handled that needed the stores, so the stores work. */
  readonly storesHealthy: boolean;
  /** Why handling stopped; the partition has to pause. */
  readonly stop?: {
    readonly cause: string;
    readonly error?: unknown;
    /** The handler fails for a reason other than an outage, and nothing shows that the records are to blame. */
    readonly failing?: true;
  };
}

/** How many records of a failing batch are tried individually before the whole batch counts as failing. */
const PROBES = 5;
const UNDECIDED = 'a record cannot be handled yet';

type Attempt =
  | {
      kind: 'handled';
      deadLetters: readonly DeadLetter[];
      done: number;
      storesHealthy: boolean;
      cause?: string;
    }
  | { kind: 'outage'; error: unknown }
  | { kind: 'failed'; error: unknown };

/**
 * Handles a batch. When the handler fails for a reason other than an outage, this finds the failing records: only a
 * record that fails while others of its batch succeed is dead-lettered, as `PROCESSING_FAILED`.
 * `handleMerged`: used for the first attempt, which may be merged with batches of other partitions.
 */
export async function handleBatch(
  records: readonly ReceivedRecord[],
  options: {
    handle: BatchHandler;
    handleMerged?: BatchHandler;
    isOutage: (error: unknown) => boolean;
    context: BatchContext;
  },
): Promise<BatchOutcome> {
  const { handle, handleMerged = handle, isOutage, context } = options;

  async function attempt(part: readonly ReceivedRecord[], handlePart = handle): Promise<Attempt> {
    try {
      context.signal.throwIfAborted();
      const result = (await handlePart([...part], context)) ?? {};
      const { deadLetters = [], retryFrom, retryCause = UNDECIDED, idle = false } = result;
      // A record that the handler dead-letters shows nothing about the stores: it may not have used one.
      const areStoresHealthy = (done: number, without: readonly DeadLetter[]) =>
        !idle && without.length < done;
      if (retryFrom === undefined) {
        const { length: done } = part;
        return { kind: 'handled', deadLetters, done, storesHealthy: areStoresHealthy(done, deadLetters) };
      }
      const done = part.findIndex((record) => record.offset === retryFrom.offset);
      if (done < 0) throw new Error(`retryFrom is offset ${retryFrom.offset}, which is not in the batch`);
      const before = deadLetters.filter(
        ({ record, detectedBy = record }) => detectedBy.offset < retryFrom.offset,
      );
      return {
        kind: 'handled',
        deadLetters: before,
        done,
        storesHealthy: areStoresHealthy(done, before),
        cause: retryCause,
      };
    } catch (error) {
      // An error of a handler whose partition is being revoked says nothing about the records.
      return isOutage(error) || context.signal.aborted
        ? { kind: 'outage', error }
        : { kind: 'failed', error };
    }
  }

  const whole = await attempt(records, handleMerged);
  if (whole.kind === 'handled') return outcomeOf(whole);
  if (whole.kind === 'outage') return paused(whole.error);

  // Before records are blamed, one of them must succeed. If none of a few does, a bug or an unrecognised outage is much
  // more likely than that all are bad, and must not move a whole backlog to the dead letters. The sample differs with
  // each retry, so a few bad records are found soon. Batches of other partitions must not be merged into these
  // attempts: their success would be taken for the success of this record.
  let succeeding: ReceivedRecord | undefined;
  for (const record of records.length === 1 ? [] : sample(records, PROBES)) {
    const tried = await attempt([record]);
    if (tried.kind === 'outage') return paused(tried.error);
    if (tried.kind === 'handled' && tried.storesHealthy) {
      succeeding = record;
      break;
    }
  }
  if (succeeding === undefined) return paused(whole.error, { failing: true });

  const found = await bisect(records, attempt);
  if ('kind' in found) return paused(found.error);

  // Try again: a transient failure is gone by now. And the succeeding record after them: if it fails too, something
  // broke during the search, and the records are not to blame.
  const deadLetters = [...found.deadLetters];
  for (const record of found.failing) {
    const again = await attempt([record]);
    if (again.kind === 'outage') return paused(again.error);
    if (again.kind === 'failed') deadLetters.push(processingFailed(record, again.error));
    else if (again.done === 0) return stopped(again.cause);
    else deadLetters.push(...again.deadLetters);
  }
  const last = await attempt([succeeding]);
  if (last.kind !== 'handled') return paused(last.error);
  if (!last.storesHealthy) return stopped(last.cause);

  deadLetters.sort((a, b) => Number(a.record.offset - b.record.offset));
  return outcomeOf({ ...found, deadLetters, storesHealthy: true });
}

/** The dead letter for a record whose handling throws. */
function processingFailed(record: ReceivedRecord, error: unknown): DeadLetter {
  return { record, reason: 'PROCESSING_FAILED', detail: messageOf(error) };
}

/** Dead-letters a failing record that is alone in its batch, once other partitions have shown that it is to blame. */
export function withSingleRecordFailure(
  batch: readonly ReceivedRecord[],
  outcome: BatchOutcome,
  hasFailedEnough: (record: ReceivedRecord) => boolean,
): BatchOutcome {
  const [record] = batch;
  if (batch.length !== 1 || record === undefined || outcome.stop?.failing !== true) return outcome;
  if (!hasFailedEnough(record)) return outcome;
  return { done: 1, deadLetters: [processingFailed(record, outcome.stop.error)], storesHealthy: false };
}

interface Found {
  done: number;
  readonly deadLetters: DeadLetter[];
  readonly failing: ReceivedRecord[];
  cause?: string;
}

/** Halves failing parts until single records are left. Stops early at an outage, or where the handler stops. */
async function bisect(
  records: readonly ReceivedRecord[],
  attempt: (part: readonly ReceivedRecord[]) => Promise<Attempt>,
): Promise<Found | { kind: 'outage'; error: unknown }> {
  const found: Found = { done: 0, deadLetters: [], failing: [] };
  const parts = halves(records);
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    const tried = await attempt(part);
    if (tried.kind === 'outage') return tried;
    if (tried.kind === 'failed') {
      if (part.length > 1) {
        parts.unshift(...halves(part));
        continue;
      }
      found.failing.push(...part);
      found.done += 1;
      continue;
    }
    found.done += tried.done;
    found.deadLetters.push(...tried.deadLetters);
    if (tried.cause !== undefined) return { ...found, cause: tried.cause };
  }
  return found;
}

function halves(records: readonly ReceivedRecord[]): (readonly ReceivedRecord[])[] {
  const middle = records.length >> 1;
  return [records.slice(0, middle), records.slice(middle)];
}

function sample(records: readonly ReceivedRecord[], count: number): ReceivedRecord[] {
  return records
    .map((record) => ({ record, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, count)
    .map(({ record }) => record);
}

function outcomeOf({
  done,
  deadLetters,
  storesHealthy,
  cause,
}: Omit<Extract<Attempt, { kind: 'handled' }>, 'kind'>): BatchOutcome {
  return { done, deadLetters, storesHealthy, ...(cause !== undefined && { stop: { cause } }) };
}

function stopped(cause = UNDECIDED): BatchOutcome {
  return { done: 0, deadLetters: [], storesHealthy: false, stop: { cause } };
}

function paused(error: unknown, failing: { failing?: true } = {}): BatchOutcome {
  return {
    done: 0,
    deadLetters: [],
    storesHealthy: false,
    stop: { cause: messageOf(error), error, ...failing },
  };
}
