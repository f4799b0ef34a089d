import { Client } from 'pg';

/** More statements than a service has. Statements whose text depends on the number of values would never end. */
const MOST_STATEMENTS = 300;
const names = new Map<string, string>();

/**
 * A connection that has the server parse and plan each statement once, and then sends values only: parsing and planning
 * were more than a quarter of the work of Postgres for an order.
 */
export class PreparingClient extends Client {
  // biome-ignore lint/suspicious/noExplicitAny: the driver's own signature is seven overloads
  override query(...[query, values, ...rest]: any[]): any {
    const name = typeof query === 'string' && values?.length > 0 ? nameOf(query) : undefined;
    const asked = name === undefined ? query : { name, text: query };
    return (super.query as (...args: unknown[]) => unknown)(asked, values, ...rest);
  }
}

/** Returns undefined for a statement that is not prepared. */
function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined) return known;
  // The columns of `*` are fixed when the statement is prepared; it would fail after a migration.
  if (names.size >= MOST_STATEMENTS || /\b(select|returning) \*/.test(text)) return undefined;
  const name = `s${names.size + 1}`;
  names.set(text, name);
  return name;
}
