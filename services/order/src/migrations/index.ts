import { CreateOrders } from './2026-11-22-create-orders.ts';
import { KeepAnswers } from './2026-11-24-keep-answers.ts';
import { ListByState } from './2026-11-28-list-by-state.ts';
import { OneCurrency } from './2026-11-28-one-currency.ts';
import { PassOverRefusedRows } from './2026-11-28-pass-over-refused-rows.ts';
import { AppendOnly } from './2026-11-30-append-only.ts';

/** Every migration in the order they run. A name, once released, never changes. */
export const migrations = [
  { name: '2026-11-22-create-orders', class: CreateOrders },
  { name: '2026-11-24-keep-answers', class: KeepAnswers },
  { name: '2026-11-28-pass-over-refused-rows', class: PassOverRefusedRows },
  { name: '2026-11-28-list-by-state', class: ListByState },
  { name: '2026-11-28-one-currency', class: OneCurrency },
  { name: '2026-11-30-append-only', class: AppendOnly },
];
