import type { JudgedOrder } from '../domain/enriched-order.ts';
import type { Verdict } from '../domain/judge.ts';
import type { Violation } from '../domain/refusal.ts';
import { referenceKey, type Submission } from '../domain/submission.ts';
import type { Stock } from '../ports.ts';

/** What could be found out about an order before it is taken. */
export interface Look {
  /** As it would be decided now; undefined when that cannot be said yet. */
  readonly judged: JudgedOrder | undefined;
  /** Why it cannot be said. */
  readonly cause: string | undefined;
  /** What is certainly wrong with it: every rejection, and every product of which there is not enough. */
  readonly violations: readonly Violation[];
}

/** Finds out what it can about an order within `limitMs`; never waits longer. */
export type LookAtOrder = (submission: Submission, limitMs: number) => Promise<Look>;

interface Dependencies {
  /** What can be said of it with what is known of customer and products. */
  readonly judge: (submission: Submission) => Promise<Verdict | undefined>;
  readonly stock: Stock;
  /** Hears of what `judge` throws. That is a bug, and still no reason to refuse an order. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Asks enrichment and stock side by side. A "no" is one that was read for this very order; what is late, down or
 * unknown is no "no". A question that is given up here goes on to its own end: its answer fills the cache, and only
 * its own time limit counts against whom it was put to.
 */
export function createLookAtOrder({ judge, stock, onTrouble }: Dependencies): LookAtOrder {
  async function judgeOrNot(submission: Submission): Promise<Judging> {
    try {
      return await judge(submission);
    } catch (error) {
      onTrouble(error);
      return { kind: 'failed', cause: 'customer and products could not be read' };
    }
  }

  return async (submission, limitMs) => {
    const limit = timeLimit(limitMs);
    try {
      const named = namedById(submission);
      const [verdict, stockOfNamed] = await Promise.all([
        limit.within(judgeOrNot(submission)),
        limit.within(stock.available(named)),
      ]);
      const judged = verdict?.kind === 'decided' ? verdict.order : undefined;
      const demands = judged === undefined ? demandsOf(submission) : demandsOfJudged(judged);
      const unasked = demands.map(({ productId }) => productId).filter((id) => !named.includes(id));
      const stockOfOthers = await limit.within(stock.available(unasked));
      const available = new Map([...(stockOfNamed ?? []), ...(stockOfOthers ?? [])]);
      return {
        judged,
        cause: causeOf(verdict),
        violations: [...rejectionsOf(judged), ...demands.flatMap((demand) => shortage(demand, available))],
      };
    } finally {
      limit.end();
    }
  };
}

type Judging = Verdict | { readonly kind: 'failed'; readonly cause: string } | undefined;

/** So many of a product are wanted. */
interface Demand {
  readonly productId: string;
  /** What a person calls it. */
  readonly name: string;
  readonly quantity: number;
  /** The first line that names it. */
  readonly subject: string;
}

function namedById({ lines }: Submission): string[] {
  const ids = lines.flatMap(({ reference }) => (reference?.by === 'product_id' ? [reference.value] : []));
  return [...new Set(ids)];
}

/** What the lines want that name a product by its id; of a SKU it is not known yet which product it is. */
function demandsOf(submission: Submission): Demand[] {
  return namedById(submission).map((productId) => {
    const key = referenceKey({ by: 'product_id', value: productId });
    const lines = submission.lines.filter(({ reference }) => reference && referenceKey(reference) === key);
    const quantity = lines.reduce((sum, line) => sum + line.quantity, 0);
    return { productId, name: productId, quantity, subject: subjectOf(submission, [key]) };
  });
}

function demandsOfJudged({ lines, submission }: JudgedOrder): Demand[] {
  return lines.map(({ product: { productId, sku }, quantity }) => {
    const keys = [
      referenceKey({ by: 'product_id', value: productId }),
      referenceKey({ by: 'sku', value: sku }),
    ];
    return { productId, name: sku || productId, quantity, subject: subjectOf(submission, keys) };
  });
}

function subjectOf({ lines }: Submission, keys: readonly string[]): string {
  const index = lines.findIndex(({ reference }) => reference && keys.includes(referenceKey(reference)));
  return `lines[${index}].quantity`;
}

function shortage(
  { productId, name, quantity, subject }: Demand,
  available: Map<string, bigint>,
): Violation[] {
  const count = available.get(productId);
  if (count === undefined || count >= BigInt(quantity)) return [];
  const description = `Not enough inventory for ${name}. Available: ${count}, Requested: ${quantity}`;
  return [{ type: 'OUT_OF_STOCK', subject, description }];
}

function rejectionsOf(judged: JudgedOrder | undefined): Violation[] {
  if (judged?.decision.outcome !== 'REJECTED') return [];
  return judged.decision.rejections.map(({ reason, field, message }) => ({
    type: reason,
    subject: field,
    description: message,
  }));
}

function causeOf(verdict: Judging): string | undefined {
  switch (verdict?.kind) {
    case 'decided':
      return undefined;
    case 'wait':
    case 'invalid':
    case 'failed':
      return verdict.cause;
    default:
      return 'customer and products could not be read in time';
  }
}

/** One limit for several things: `within` answers undefined for what is not there when it is over. */
function timeLimit(ms: number) {
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, ms, undefined);
  return {
    within: <T>(work: Promise<T>): Promise<T | undefined> => Promise.race([work, over]),
    end: () => clearTimeout(timer),
  };
}
