import { CreatePayments } from './2026-11-24-create-payments.ts';
import { Refusals } from './2026-11-24-refusals.ts';
import { ListByState } from './2026-11-28-list-by-state.ts';
import { PassOverRefusedRows } from './2026-11-28-pass-over-refused-rows.ts';
import { WaitForBoth } from './2026-11-28-wait-for-both.ts';
import { FindOpenPayments } from './2026-11-29-find-open-payments.ts';

/** Every migration in the order they run. A name, once released, never changes. */
export const migrations = [
  { name: '2026-11-24-create-payments', class: CreatePayments },
  { name: '2026-11-24-refusals', class: Refusals },
  { name: '2026-11-28-pass-over-refused-rows', class: PassOverRefusedRows },
  { name: '2026-11-28-wait-for-both', class: WaitForBoth },
  { name: '2026-11-28-list-by-state', class: ListByState },
  { name: '2026-11-29-find-open-payments', class: FindOpenPayments },
];
