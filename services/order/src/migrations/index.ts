import { CreateOrders } from './2026-11-22-create-orders.ts';

/** Every migration in the order they run. A name, once released, never changes. */
export const migrations = [{ name: '2026-11-22-create-orders', class: CreateOrders }];
