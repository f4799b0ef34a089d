import { CreateTables } from './2026-11-25-create-tables.ts';
import { PassOverRefusedRows } from './2026-11-28-pass-over-refused-rows.ts';
import { AppendOnly } from './2026-11-30-append-only.ts';

/** Every migration in the order they run. A name, once released, never changes. */
export const migrations = [
  { name: '2026-11-25-create-tables', class: CreateTables },
  { name: '2026-11-28-pass-over-refused-rows', class: PassOverRefusedRows },
  { name: '2026-11-30-append-only', class: AppendOnly },
];
