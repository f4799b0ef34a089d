import { CreateLedger } from './2026-11-24-create-ledger.ts';
import { NumberLedger } from './2026-11-27-number-ledger.ts';
import { AppendOnly } from './2026-11-30-append-only.ts';

/** Every migration in the order they run. A name, once released, never changes. */
export const migrations = [
  { name: '2026-11-24-create-ledger', class: CreateLedger },
  { name: '2026-11-27-number-ledger', class: NumberLedger },
  { name: '2026-11-30-append-only', class: AppendOnly },
];
