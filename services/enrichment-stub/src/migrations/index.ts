import { CreateTables } from './2026-11-22-create-tables.ts';
import { ResponsesAsBytes } from './2026-11-24-answers-as-bytes.ts';
import { PassOverRefusedRows } from './2026-11-28-pass-over-refused-rows.ts';
import { AddAddress } from './2026-11-29-add-address.ts';
import { BackfillOrders } from './2026-11-30-backfill-orders.ts';
import { CountOrders } from './2026-11-30-count-orders.ts';

/** Every migration in the order they run. A name, once released, never changes. */
export const migrations = [
  { name: '2026-11-22-create-tables', class: CreateTables },
  { name: '2026-11-24-answers-as-bytes', class: ResponsesAsBytes },
  { name: '2026-11-28-pass-over-refused-rows', class: PassOverRefusedRows },
  { name: '2026-11-29-add-address', class: AddAddress },
  { name: '2026-11-30-count-orders', class: CountOrders },
  { name: '2026-11-30-backfill-orders', class: BackfillOrders },
];
