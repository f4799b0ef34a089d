import type { EnrichedOrder } from '../domain/enriched-order.ts';
import type { Terms, Verdict } from '../domain/judge.ts';
import type { Submission, SubmissionSource } from '../domain/submission.ts';
import type { Candidate, Enrichment, OrderDocuments, OrderStore } from '../ports.ts';
import { contentHashOf } from './content-hash.ts';
import { judgeAll } from './judge-all.ts';

/** A submission with the properties that identify a repeat of it. */
export interface ReceivedOrder {
  readonly submission: Submission;
  readonly source: SubmissionSource;
  /** The record's value; compared where the content is invalid. */
  readonly bytes: Uint8Array;
  /** As in the record's header. */
  readonly contentType: string | undefined;
  readonly traceparent: string | undefined;
}

/** The outcome of one received order. */
export type Outcome =
  /** Decided, and its document written. `repeat`: it was decided before, or is a duplicate in this batch. */
  | { readonly kind: 'decided'; readonly order: EnrichedOrder; readonly repeat: boolean }
  /** Cancelled before it was decided. */
  | { readonly kind: 'closed' }
  /** To be dead-lettered. */
  | { readonly kind: 'dead_letter'; readonly reason: DeadLetterReason; readonly detail: string }
  /** Cannot be decided yet; nothing was stored. */
  | { readonly kind: 'waiting'; readonly cause: string };

/** Why a readable order is dead-lettered. */
export type DeadLetterReason = 'ORDER_ID_CONFLICT' | 'ENRICHMENT_INVALID' | 'DOCUMENT_REFUSED';

/** Runs one stage of a batch; for metrics and crash points. */
export type Stage = <T>(name: 'enrich' | 'decide' | 'show', work: () => Promise<T>) => Promise<T>;

interface Dependencies {
  readonly enrichment: Enrichment;
  readonly store: OrderStore;
  readonly documents: OrderDocuments;
  readonly terms: Terms;
  readonly stage: Stage;
}

/** Decides a batch of received orders and returns the outcome of each, in the same order. */
export type DecideOrders = (received: readonly ReceivedOrder[]) => Promise<Outcome[]>;

/**
 * Creates the worker's main use case: enrich, judge, decide in the store, write documents. Everything that can be
 * decided is; repeating it for the same orders, also after a crash anywhere inside, changes nothing.
 */
export function createDecideOrders({
  enrichment,
  store,
  documents,
  terms,
  stage,
}: Dependencies): DecideOrders {
  return async (received) => {
    const entries = received.map((order) => {
      const contentHash = contentHashOf(order);
      return { order, contentHash, key: `${order.submission.orderId} ${contentHash.toString('base64')}` };
    });
    // One attempt per id and content, in the order of arrival: repeats are judged once.
    const attempts = new Map<string, (typeof entries)[number]>();
    for (const entry of entries) {
      if (!attempts.has(entry.key)) attempts.set(entry.key, entry);
    }

    const submissions = [...attempts.values()].map(({ order }) => order.submission);
    const verdicts = await stage('enrich', () => judgeAll(submissions, enrichment, terms));

    const candidates = [...attempts.values()].map(({ order, contentHash }): Candidate => {
      const { submission, source, bytes, contentType, traceparent } = order;
      return {
        orderId: submission.orderId,
        customerId: submission.customerId,
        cause: `${source.topic}/${source.partition}/${source.offset}`,
        traceparent,
        contentHash,
        submission: { value: bytes, contentType },
        decision: decisionOf(verdicts.get(submission), source),
      };
    });
    const settled = await stage('decide', () => store.decide(candidates));

    const decided = [...settled.values()].flatMap((s) => ('order' in s ? [s.order] : []));
    const refused = await stage('show', async () =>
      decided.length > 0 ? documents.show(decided) : new Map<string, string>(),
    );

    return entries.map((entry): Outcome => {
      const id = entry.order.submission.orderId;
      const attempt = attempts.get(entry.key) ?? entry;
      const outcome = settled.get(id);
      if (outcome === undefined)
        return { kind: 'waiting', cause: waitingCause(verdicts.get(attempt.order.submission)) };
      if (!equalBytes(outcome.contentHash, entry.contentHash)) {
        const detail = `order ${id} exists with other content; use another order id`;
        return { kind: 'dead_letter', reason: 'ORDER_ID_CONFLICT', detail };
      }
      if (outcome.kind === 'open')
        return { kind: 'waiting', cause: waitingCause(verdicts.get(attempt.order.submission)) };
      if (outcome.kind === 'closed') return { kind: 'closed' };
      if (outcome.kind === 'invalid') {
        return { kind: 'dead_letter', reason: 'ENRICHMENT_INVALID', detail: outcome.cause };
      }
      const refusal = refused.get(id);
      if (refusal !== undefined) return { kind: 'dead_letter', reason: 'DOCUMENT_REFUSED', detail: refusal };
      return {
        kind: 'decided',
        order: outcome.order,
        repeat: outcome.kind === 'decided' || attempt !== entry,
      };
    });
  };
}

function decisionOf(verdict: Verdict | undefined, source: SubmissionSource): Candidate['decision'] {
  if (verdict?.kind === 'decided') return { ...verdict.order, source };
  if (verdict?.kind === 'invalid') return { invalid: verdict.cause };
  return undefined;
}

function waitingCause(verdict: Verdict | undefined): string {
  return verdict?.kind === 'wait' ? verdict.cause : 'a rejection could not be confirmed';
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
