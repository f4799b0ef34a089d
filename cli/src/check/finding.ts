import type { Facts, OrderFact } from './facts.ts';

/** One thing that must hold, how many were looked at, and those for which it does not. */
export interface Finding {
  readonly rule: string;
  readonly checked: number;
  readonly violations: readonly string[];
}

/** States in which nothing is awaited any more. */
export const terminalStates = new Set(['COMPLETED', 'REJECTED', 'CANCELLED']);

/** Asks each item what is wrong with it. */
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

/** Asks each order what is wrong with it. */
export function forOrders(
  facts: Facts,
  rule: string,
  problemOf: (order: OrderFact) => string | undefined,
): Finding {
  return findingOf(rule, facts.orders.values(), ({ id }) => id, problemOf);
}

/** The finding, and a violation for each of these ids that is no order's. `problem`: such as `charged`. */
export function withStrangers(
  finding: Finding,
  { orders }: Facts,
  ids: Iterable<string>,
  problem: string,
): Finding {
  const strangers = [...ids].filter((id) => !orders.has(id));
  return {
    ...finding,
    violations: [...finding.violations, ...strangers.map((id) => `${id}: ${problem} an unknown order`)],
  };
}

/** An order that was cancelled before its decision; nobody has ever heard of it. */
export function wasNeverDecided({ state, version }: OrderFact): boolean {
  return state === 'CANCELLED' && version === 1;
}

/** `without a payment`, `with a payment FAILED` */
export function withA(what: string, found: { readonly state: string } | undefined): string {
  return found === undefined ? `without a ${what}` : `with a ${what} ${found.state}`;
}
