import type { Sql } from '@orderflow/storage';
import { seedStock } from '../../domain/seed.ts';

/** Stocks the products that were never stocked; others are not changed. Audited like any manual change. */
export async function seedTables(sql: Sql, now: Date): Promise<void> {
  const seeds = seedStock();
  await sql.query(
    `with seeded as (
       insert into stock (product_id, on_hand, reserved, committed, update_time)
       select product_id, on_hand, 0, 0, $3 from unnest($1::text[], $2::bigint[]) as seed (product_id, on_hand)
       order by product_id collate "C"
       on conflict do nothing
       returning product_id, on_hand)
     insert into stock_adjustment (product_id, delta, on_hand, reason, caller_id, create_time)
     select product_id, on_hand, on_hand, 'stocked from the start', 'inventory', $3 from seeded`,
    [seeds.map(({ productId }) => productId), seeds.map(({ onHand }) => onHand), now],
  );
}
