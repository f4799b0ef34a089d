import { CreateTables } from './2026-11-29-create-tables.ts';

/** Every migration in the order they run. A name, once released, never changes. */
export const migrations = [{ name: '2026-11-29-create-tables', class: CreateTables }];
