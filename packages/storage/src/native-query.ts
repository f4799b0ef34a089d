import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { CompiledQuery } from 'kysely';

/**
 * Runs SQL with `$1` parameters on the entity manager's transaction, or on the pool when it has none. `em.execute`
 * writes the parameters into the text of the query; here the driver sends them separately, which makes arrays of
 * thousands of values cheap.
 */
export async function nativeQuery<Row>(
  em: SqlEntityManager,
  sql: string,
  parameters: unknown[] = [],
): Promise<Row[]> {
  const { rows } = await em.getKysely().executeQuery(CompiledQuery.raw(sql, parameters));
  return rows as Row[];
}
