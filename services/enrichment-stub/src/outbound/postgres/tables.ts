import type { InferKyselyDB, SqlEntityManager } from '@mikro-orm/postgresql';
import type { CustomerRow, ProductRow } from './entities.ts';

const naming = { columnNamingStrategy: 'property', convertValues: true } as const;

type Tables = InferKyselyDB<typeof CustomerRow | typeof ProductRow, typeof naming>;

/**
 * The tables as typed queries, bound to the transaction if there is one. Rows have the names and types of the entities.
 */
export function tablesOf(em: SqlEntityManager) {
  return em.getKysely<Tables, typeof naming>(naming);
}
