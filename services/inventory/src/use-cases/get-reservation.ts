import { Refusal } from '../domain/refusal.ts';
import type { Reservation } from '../domain/reservation.ts';
import type { ReservationReader } from '../ports.ts';

/** @throws Refusal RESERVATION_NOT_FOUND */
export async function getReservation(reader: ReservationReader, orderId: string): Promise<Reservation> {
  const reservation = await reader.find(orderId);
  if (reservation !== undefined) return reservation;
  throw new Refusal('RESERVATION_NOT_FOUND', `order ${orderId} has no reservation`, {
    order_id: orderId,
  });
}
