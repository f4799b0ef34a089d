import { median } from '../report.ts';
import type { StatementUse } from './statements.ts';

/** How the cost of a statement differs between two numbers of stored orders. */
export interface Grown {
  readonly database: string;
  readonly text: string;
  /** Pages read for each row that it returns or changes, or for each call where there are fewer rows. */
  readonly before: number;
  readonly after: number;
}

/** A B-tree of a million rows is a level deeper than one of a thousand; a statement may use several at once. */
const moreLevels = 3;

/** How many times as expensive a statement has become, beyond deeper indexes. */
export function growthOf({ before, after }: Pick<Grown, 'before' | 'after'>): number {
  return Math.max(0, after - moreLevels) / Math.max(before, 1);
}

/**
 * Compares the statements that were sent in rounds of both kinds; the one that has grown most is the first. A statement
 * costs the median of its rounds.
 */
export function compareStatements(
  before: readonly (readonly StatementUse[])[],
  after: readonly (readonly StatementUse[])[],
): Grown[] {
  const costBefore = costs(before);
  const grown = [...costs(after)].flatMap(([key, { database, text, pages }]): Grown[] => {
    const earlier = costBefore.get(key);
    return earlier === undefined ? [] : [{ database, text, before: earlier.pages, after: pages }];
  });
  return grown.sort((a, b) => growthOf(b) - growthOf(a));
}

function costs(rounds: readonly (readonly StatementUse[])[]) {
  const byStatement = Map.groupBy(rounds.flat(), ({ database, id }) => `${database} ${id}`);
  return new Map(
    [...byStatement].flatMap(([key, uses]) => {
      const [first] = uses;
      if (first === undefined) return [];
      const pages = median(uses.map(({ buffers, calls, rows }) => buffers / Math.max(calls, rows)));
      return [[key, { database: first.database, text: first.text, pages }] as const];
    }),
  );
}
