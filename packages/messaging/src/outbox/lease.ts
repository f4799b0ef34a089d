import type { Sql } from '@orderflow/storage';

/** The exclusive right to relay an outbox, for a limited time. */
export interface Lease {
  /** Takes or renews the lease. Returns false while another relay holds it. */
  acquire(): Promise<boolean>;
  /** How long no other relay can take it, in milliseconds; 0 or less when it is not held. */
  remainingMs(): number;
  /** Releases it, so that another relay need not wait. */
  release(): Promise<void>;
}

/**
 * Creates a lease that is a row. Only the database's clock decides who holds it. The holder's own estimate starts
 * before its request, so it ends before the database lets another holder in; it continues while the process is frozen.
 */
export function createLease(
  database: Sql,
  options: { name: string; holder: string; leaseMs: number },
): Lease {
  const { name, holder, leaseMs } = options;
  let heldUntil = 0;

  return {
    async acquire() {
      const asked = performance.now();
      const rows = await database.query(
        `insert into relay_lease (name, holder, expires_at)
         values ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
         on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
         where relay_lease.holder = excluded.holder or relay_lease.expires_at < clock_timestamp()
         returning holder`,
        [name, holder, leaseMs],
      );
      const held = rows.length === 1;
      heldUntil = held ? asked + leaseMs : 0;
      return held;
    },
    remainingMs: () => heldUntil - performance.now(),
    async release() {
      heldUntil = 0;
      await database.query('delete from relay_lease where name = $1 and holder = $2', [name, holder]);
    },
  };
}
