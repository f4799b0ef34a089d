import type { OrderFact, OrderFacts } from './facts.ts';

/** An invariant, the number of items checked, and the violations. */
export interface Finding {
  readonly rule: string;
  readonly checked: number;
  readonly violations: readonly string[];
}

/** A finding over all orders, with only the first violations. */
export interface FindingSum extends Finding {
  /** The number of further violations. */
  readonly hidden: number;
}

/** States in which nothing is awaited any more. */
export const terminalStates = new Set(['COMPLETED', 'REJECTED', 'CANCELLED']);

/** Checks each item. */
export function findingOf<T>(
  rule: string,
  items: Iterable<T>,
  nameOf: (item: T) => string,
  problemOf: (item: T) => string | undefined,
): Finding {
  const all = [...items];
  return {
    rule,
    checked: all.length,
    violations: all.flatMap((item) => {
      const problem = problemOf(item);
      return problem === undefined ? [] : [`${nameOf(item)}: ${problem}`];
    }),
  };
}

/**
 * Merges findings about some orders into those about others, rule by rule.
 * @param max how many violations per rule are kept; the others are only counted.
 */
export function addFindings(
  sums: readonly FindingSum[],
  findings: readonly Finding[],
  max: number,
): FindingSum[] {
  return findings.map(({ rule, checked, violations }, index) => {
    const sum = sums[index] ?? { rule, checked: 0, violations: [], hidden: 0 };
    const kept = violations.slice(0, Math.max(0, max - sum.violations.length));
    return {
      rule,
      checked: sum.checked + checked,
      violations: [...sum.violations, ...kept],
      hidden: sum.hidden + violations.length - kept.length,
    };
  });
}

/** Checks each order. */
export function forOrders(
  facts: OrderFacts,
  rule: string,
  problemOf: (order: OrderFact) => string | undefined,
): Finding {
  return findingOf(rule, facts.orders.values(), ({ id }) => id, problemOf);
}

/** Adds a violation for each of these ids that is not an order's. `problem`: such as `charged`. */
export function withStrangers(
  finding: Finding,
  { orders }: OrderFacts,
  ids: Iterable<string>,
  problem: string,
): Finding {
  const strangers = [...ids].filter((id) => !orders.has(id));
  return {
    ...finding,
    violations: [...finding.violations, ...strangers.map((id) => `${id}: ${problem} an unknown order`)],
  };
}

/** Whether an order was cancelled before its decision; no participant has received it. */
export function wasNeverDecided({ state, version }: OrderFact): boolean {
  return state === 'CANCELLED' && version === 1;
}

/** `without a payment`, `with a payment FAILED` */
export function withA(what: string, found: { readonly state: string } | undefined): string {
  return found === undefined ? `without a ${what}` : `with a ${what} ${found.state}`;
}
