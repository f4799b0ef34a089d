import type { InferKyselyDB, SqlEntityManager } from '@mikro-orm/postgresql';
import type { PaymentAttemptRow, PaymentRow } from './entities.ts';

const naming = { columnNamingStrategy: 'property', convertValues: true } as const;

type Tables = InferKyselyDB<typeof PaymentRow | typeof PaymentAttemptRow, typeof naming>;

/** The tables as typed queries; inside a transaction bound to it. Rows have the names and types of the entities. */
export function tablesOf(em: SqlEntityManager) {
  return em.getKysely<Tables, typeof naming>(naming);
}
