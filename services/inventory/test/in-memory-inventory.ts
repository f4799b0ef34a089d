import type { Reservation } from '../src/domain/reservation.ts';
import { noStock, type Stock } from '../src/domain/stock.ts';
import type { InReservationTransaction, Reply } from '../src/ports.ts';

/** Stock and reservations in memory, one transaction at a time. `onHand`: what lies on the shelf at first. */
export function inMemoryInventory(onHand: Readonly<Record<string, number>>) {
  const stock = new Map<string, Stock>(
    Object.entries(onHand).map(([id, pieces]) => [id, { ...noStock(id), onHand: BigInt(pieces) }]),
  );
  const reservations = new Map<string, Reservation>();
  const replies: Reply[] = [];
  const inTransaction: InReservationTransaction = (work) =>
    work({
      async lock(orderIds, productIds) {
        const stored = orderIds.flatMap((id) => reservations.get(id) ?? []);
        const reserved = stored.flatMap(({ lines }) => lines.map(({ productId }) => productId));
        const products = new Set([...productIds, ...reserved]);
        return { reservations: stored, stock: [...products].flatMap((id) => stock.get(id) ?? []) };
      },
      write(changes) {
        for (const one of [...changes.opened, ...changes.moved]) reservations.set(one.orderId, one);
        for (const level of changes.stock) stock.set(level.productId, level);
        replies.push(...changes.replies);
      },
    });
  return { stock, reservations, replies, inTransaction };
}
