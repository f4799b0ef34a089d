import { CreateOrders } from './2026-11-22-create-orders.ts';
import { KeepAnswers } from './2026-11-24-keep-answers.ts';

/** Every migration in the order they run. A name, once released, never changes. */
export const migrations = [
  { name: '2026-11-22-create-orders', class: CreateOrders },
  { name: '2026-11-24-keep-answers', class: KeepAnswers },
];
