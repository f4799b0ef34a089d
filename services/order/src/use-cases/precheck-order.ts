import type { JudgedOrder } from '../domain/enriched-order.ts';
import type { Verdict } from '../domain/judge.ts';
import type { Violation } from '../domain/refusal.ts';
import { referenceKey, type Submission } from '../domain/submission.ts';
import type { Stock } from '../ports.ts';

/** The result of the precheck of an order. */
export interface Precheck {
  /** As it would be decided now; undefined when that is not known. */
  readonly judged: JudgedOrder | undefined;
  /** Why it is not known. */
  readonly cause: string | undefined;
  /** Every rejection, and every product without enough stock. */
  readonly violations: readonly Violation[];
}

/** Checks an order before it is stored, within `limitMs`. */
export type PrecheckOrder = (submission: Submission, limitMs: number) => Promise<Precheck>;

interface Dependencies {
  /** Judges the order from the current lookups. */
  readonly judge: (submission: Submission) => Promise<Verdict | undefined>;
  readonly stock: Stock;
  /** Called with errors of `judge`. Those are bugs, and no reason to refuse an order. */
  readonly onError: (error: unknown) => void;
}

/**
 * Reads enrichment and stock concurrently. Only what was read for this order can be a violation; what is late, down or
 * unknown is none. A call that is abandoned here runs to its own end: its response fills the cache, and only its own
 * time limit counts against the API.
 */
export function createPrecheckOrder({ judge, stock, onError }: Dependencies): PrecheckOrder {
  async function tryJudge(submission: Submission): Promise<JudgeResult> {
    try {
      return await judge(submission);
    } catch (error) {
      onError(error);
      return { kind: 'failed', cause: 'customer and products could not be read' };
    }
  }

  return async (submission, limitMs) => {
    const limit = timeLimit(limitMs);
    try {
      const named = namedById(submission);
      const [verdict, stockOfNamed] = await Promise.all([
        limit.within(tryJudge(submission)),
        limit.within(stock.available(named)),
      ]);
      const judged = verdict?.kind === 'decided' ? verdict.order : undefined;
      const demands = judged === undefined ? demandsOf(submission) : demandsOfJudged(judged);
      const withoutRequest = demands.map(({ productId }) => productId).filter((id) => !named.includes(id));
      const stockOfOthers = await limit.within(stock.available(withoutRequest));
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

type JudgeResult = Verdict | { readonly kind: 'failed'; readonly cause: string } | undefined;

/** The ordered quantity of a product. */
interface Demand {
  readonly productId: string;
  /** The name for people. */
  readonly name: string;
  readonly quantity: number;
  /** The first line with this product. */
  readonly subject: string;
}

function namedById({ lines }: Submission): string[] {
  const ids = lines.flatMap(({ reference }) => (reference?.by === 'product_id' ? [reference.value] : []));
  return [...new Set(ids)];
}

/** The demand of lines with a product id; for a SKU the product is not known yet. */
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

function causeOf(verdict: JudgeResult): string | undefined {
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

/** One time limit for several promises: `within` resolves to undefined for those that are pending when it is over. */
function timeLimit(ms: number) {
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, ms, undefined);
  return {
    within: <T>(work: Promise<T>): Promise<T | undefined> => Promise.race([work, over]),
    end: () => clearTimeout(timer),
  };
}
