import type { Database } from '@orderflow/storage';
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';

/** How many expired rows are deleted with each one that is written. */
const deletedAtOnce = 100;

/**
 * Creates the store of oidc-provider on table `stored_model`. What has expired is not found any more, and is deleted
 * when something else is written. Tokens are not stored: they are signed, and valid until they expire.
 */
export function postgresModels(database: Database): AdapterFactory {
  return (model) => modelAdapter(database, model);
}

function modelAdapter(database: Database, model: string): Adapter {
  async function findBy(
    column: 'id' | 'uid' | 'user_code',
    value: string,
  ): Promise<AdapterPayload | undefined> {
    const [row] = await database.query<{ payload: AdapterPayload }>(
      `select payload from stored_model
       where model = $1 and ${column} = $2 and (expire_time is null or expire_time > clock_timestamp())`,
      [model, value],
    );
    return row?.payload;
  }

  return {
    async upsert(id, payload, expiresIn) {
      await database.query(
        `insert into stored_model (model, id, payload, grant_id, uid, user_code, expire_time)
         values ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7 * interval '1 second')
         on conflict (model, id) do update set
           payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid,
           user_code = excluded.user_code, expire_time = excluded.expire_time`,
        [
          model,
          id,
          JSON.stringify(payload),
          payload.grantId ?? null,
          payload.uid ?? null,
          payload.userCode ?? null,
          expiresIn ?? null,
        ],
      );
      await database.query(
        `delete from stored_model where (model, id) in (
           select model, id from stored_model where expire_time < clock_timestamp()
           order by expire_time limit $1 for update skip locked)`,
        [deletedAtOnce],
      );
    },

    find: (id) => findBy('id', id),
    findByUid: (uid) => findBy('uid', uid),
    findByUserCode: (userCode) => findBy('user_code', userCode),

    async consume(id) {
      await database.query(
        `update stored_model
         set payload = payload || jsonb_build_object('consumed', floor(extract(epoch from clock_timestamp())))
         where model = $1 and id = $2`,
        [model, id],
      );
    },

    async destroy(id) {
      await database.query('delete from stored_model where model = $1 and id = $2', [model, id]);
    },

    async revokeByGrantId(grantId) {
      await database.query('delete from stored_model where model = $1 and grant_id = $2', [model, grantId]);
    },
  };
}
