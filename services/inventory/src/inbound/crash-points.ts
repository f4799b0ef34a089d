import type { ReservationState } from '../domain/reservation.ts';

/** Crash points after a transaction: before its offset is committed, or its call returns. */
export const crashPoints = {
  RESERVED: 'inventory-after-reserve-transaction',
  UNAVAILABLE: 'inventory-after-refuse-transaction',
  RELEASED: 'inventory-after-release-transaction',
  COMMITTED: 'inventory-after-commit-transaction',
  stockChanged: 'inventory-after-stock-transaction',
} as const satisfies Record<ReservationState | 'stockChanged', string>;
