import { CreatePayments } from './2026-11-24-create-payments.ts';
import { Refusals } from './2026-11-24-refusals.ts';

/** Every migration in the order they run. A name, once released, never changes. */
export const migrations = [
  { name: '2026-11-24-create-payments', class: CreatePayments },
  { name: '2026-11-24-refusals', class: Refusals },
];
