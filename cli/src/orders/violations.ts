import { printable } from '../table.ts';

/** A field of an order, as its sender wrote it, and what is wrong with it. */
export interface Violation {
  readonly field: string;
  readonly description: string;
  /** The reason of a rejection. */
  readonly type?: string;
}

/** Formats violations, a line each. */
export function listOf(violations: readonly Violation[]): string {
  return violations
    .map(({ field, description, type }) =>
      printable(`  ${field}: ${description}${type === undefined ? '' : ` (${type})`}`),
    )
    .join('\n');
}
