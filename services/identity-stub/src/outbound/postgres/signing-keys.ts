import type { Database, Sql } from '@orderflow/storage';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { SigningKey } from '../../domain/signing-key.ts';
import type { SigningKeys } from '../../ports.ts';

/** The algorithm that most identity providers use by default. */
const algorithm = 'RS256';

/** Creates the keys in Postgres. */
export function postgresSigningKeys(database: Database): SigningKeys {
  return {
    async list() {
      const rows = await database.query<{ jwk: SigningKey }>(
        'select jwk from signing_key order by create_time desc, kid',
      );
      return rows.map(({ jwk }) => jwk);
    },

    add: () => insertKey(database),

    remove: (kid) =>
      database.transaction(async (transaction) => {
        // Locked, or two removals at once could take the last two.
        const keys = await transaction.query<{ kid: string }>(
          'select kid from signing_key order by kid for update',
        );
        if (keys.length < 2 || !keys.some((key) => key.kid === kid)) return false;
        await transaction.query('delete from signing_key where kid = $1', [kid]);
        return true;
      }),
  };
}

/** Creates the first key of a new database. */
export async function seedKeys(sql: Sql): Promise<void> {
  const found = await sql.query('select 1 from signing_key limit 1');
  if (found.length === 0) await insertKey(sql);
}

async function insertKey(sql: Sql): Promise<string> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  await sql.query('insert into signing_key (kid, jwk, create_time) values ($1, $2, clock_timestamp())', [
    kid,
    JSON.stringify({ ...jwk, kid, alg: algorithm, use: 'sig' }),
  ]);
  return kid;
}
