import type { SetAside } from './dead-letters.ts';
import { messageOf } from './kafka-error.ts';
import type { ReceivedRecord } from './received-record.ts';

/** What a handler has done with a slice. Records it does not mention are handled. */
export interface SliceResult {
  /** Records that cannot be decided; they go to the dead letters. */
  readonly setAside?: readonly SetAside[];
  /** The first record that cannot be decided yet: it and those after it come again. */
  readonly stopBefore?: ReceivedRecord;
  /** Why; for the log. */
  readonly stopCause?: string;
  /** No record made the handler ask a store. That it succeeded says nothing of the stores then. */
  readonly idle?: boolean;
}

export interface SliceContext {
  /** Aborts when the partition is lost: what is done from then on somebody else does too. */
  readonly signal: AbortSignal;
  /** False as soon as the partition may belong to somebody else, also after this process was frozen. */
  isCurrent(): boolean;
}

/**
 * Handles records of one partition or of several, those of each in order. Must be idempotent: records come again after a
 * crash, a rebalance or a pause, and while the one that makes a slice fail is searched for.
 */
export type SliceHandler = (
  records: ReceivedRecord[],
  context: SliceContext,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that has nothing to report returns nothing
) => Promise<SliceResult | void>;

export interface SliceOutcome {
  /** How many records, from the first, are handled or set aside. */
  readonly done: number;
  readonly setAside: readonly SetAside[];
  /** A record was handled that needed the stores: they are well. */
  readonly proven: boolean;
  /** Why it did not go further; the partition has to pause. */
  readonly stop?: {
    readonly cause: string;
    readonly error?: unknown;
    /** The handler fails with what is no outage, and nothing shows that the records are to blame. */
    readonly failing?: true;
  };
}

/** How many records of a failing slice are tried alone before the slice counts as failing as a whole. */
const PROBES = 5;
const UNDECIDED = 'a record cannot be decided yet';

type Attempt =
  | { kind: 'handled'; setAside: readonly SetAside[]; done: number; proven: boolean; cause?: string }
  | { kind: 'outage'; error: unknown }
  | { kind: 'failed'; error: unknown };

/**
 * Has a slice handled. When the handler fails with what is no outage, the records at fault are found: only a record
 * that fails while others of its slice succeed is set aside, as `PROCESSING_FAILED`.
 * `handleWhole`: how it is tried at first, when it may be handled together with slices of other partitions.
 */
export async function handleSlice(
  records: readonly ReceivedRecord[],
  options: {
    handle: SliceHandler;
    handleWhole?: SliceHandler;
    isOutage: (error: unknown) => boolean;
    context: SliceContext;
  },
): Promise<SliceOutcome> {
  const { handle, handleWhole = handle, isOutage, context } = options;

  async function attempt(part: readonly ReceivedRecord[], handlePart = handle): Promise<Attempt> {
    try {
      context.signal.throwIfAborted();
      const result = (await handlePart([...part], context)) ?? {};
      const { setAside = [], stopBefore, stopCause = UNDECIDED, idle = false } = result;
      // A record the handler sets aside by itself is no proof: it may never have come near a store.
      const isProven = (done: number, without: readonly SetAside[]) => !idle && without.length < done;
      if (stopBefore === undefined) {
        const { length: done } = part;
        return { kind: 'handled', setAside, done, proven: isProven(done, setAside) };
      }
      const done = part.findIndex((record) => record.offset === stopBefore.offset);
      if (done < 0) throw new Error(`stopBefore is offset ${stopBefore.offset}, which is not in the slice`);
      const before = setAside.filter(({ record }) => record.offset < stopBefore.offset);
      return { kind: 'handled', setAside: before, done, proven: isProven(done, before), cause: stopCause };
    } catch (error) {
      // What a handler throws while its partition is being taken away says nothing about the records.
      return isOutage(error) || context.signal.aborted
        ? { kind: 'outage', error }
        : { kind: 'failed', error };
    }
  }

  const whole = await attempt(records, handleWhole);
  if (whole.kind === 'handled') return outcomeOf(whole);
  if (whole.kind === 'outage') return paused(whole.error);

  // Before anything is blamed on records, one of them must succeed. If none of a few does, it is much more likely
  // that something is broken than that all are bad: a bug or an outage we do not recognise must not empty a whole
  // backlog into the dead letters. Others are tried next time, so a few bad among good are found soon. No slice of
  // another partition may come along: a record that is passed over would share its proof, and count as the witness.
  let witness: ReceivedRecord | undefined;
  for (const record of records.length === 1 ? [] : sample(records, PROBES)) {
    const tried = await attempt([record]);
    if (tried.kind === 'outage') return paused(tried.error);
    if (tried.kind === 'handled' && tried.proven) {
      witness = record;
      break;
    }
  }
  if (witness === undefined) return paused(whole.error, { failing: true });

  const found = await bisect(records, attempt);
  if ('kind' in found) return paused(found.error);

  // Once more: a failure that was only passing is gone now. And the witness after them: if it fails too, the world
  // broke while we searched, and the records are not to blame.
  const setAside = [...found.setAside];
  for (const record of found.failing) {
    const again = await attempt([record]);
    if (again.kind === 'outage') return paused(again.error);
    if (again.kind === 'failed') setAside.push(processingFailed(record, again.error));
    else if (again.done === 0) return stopped(again.cause);
    else setAside.push(...again.setAside);
  }
  const last = await attempt([witness]);
  if (last.kind !== 'handled') return paused(last.error);
  if (!last.proven) return stopped(last.cause);

  setAside.sort((a, b) => Number(a.record.offset - b.record.offset));
  return outcomeOf({ ...found, setAside, proven: true });
}

/** The dead letter for a record whose handling throws. */
export function processingFailed(record: ReceivedRecord, error: unknown): SetAside {
  return { record, reason: 'PROCESSING_FAILED', detail: messageOf(error) };
}

interface Found {
  done: number;
  readonly setAside: SetAside[];
  readonly failing: ReceivedRecord[];
  cause?: string;
}

/** Halves what fails until single records are left. Stops early at an outage, or where the handler stops. */
async function bisect(
  records: readonly ReceivedRecord[],
  attempt: (part: readonly ReceivedRecord[]) => Promise<Attempt>,
): Promise<Found | { kind: 'outage'; error: unknown }> {
  const found: Found = { done: 0, setAside: [], failing: [] };
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
    found.setAside.push(...tried.setAside);
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
  setAside,
  proven,
  cause,
}: Omit<Extract<Attempt, { kind: 'handled' }>, 'kind'>): SliceOutcome {
  return { done, setAside, proven, ...(cause !== undefined && { stop: { cause } }) };
}

function stopped(cause = UNDECIDED): SliceOutcome {
  return { done: 0, setAside: [], proven: false, stop: { cause } };
}

function paused(error: unknown, failing: { failing?: true } = {}): SliceOutcome {
  return { done: 0, setAside: [], proven: false, stop: { cause: messageOf(error), error, ...failing } };
}
