import { isPostgresOutage } from '@orderflow/storage';
import { StoreUnavailable } from '../../ports.ts';

/** Does the work; throws StoreUnavailable when Postgres cannot do it now, and any other error as it is. */
export async function reachingPostgres<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isPostgresOutage(error))
      throw new StoreUnavailable('the database cannot be reached', { cause: error });
    throw error;
  }
}
