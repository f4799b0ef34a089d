import type { Reservation, ReservationLine, ReservationState } from '../../domain/reservation.ts';
import type { StoredLine } from './entities.ts';

/** A row of table `reservation`. */
export interface StoredReservation {
  readonly orderId: string;
  readonly state: ReservationState;
  readonly lines: readonly StoredLine[];
  readonly customerId: string | null;
  readonly total: bigint | null;
  readonly currency: string | null;
  readonly createTime: Date;
  readonly updateTime: Date;
}

export function toReservation(row: StoredReservation): Reservation {
  const { customerId, total, currency, lines, ...rest } = row;
  const isPayable = customerId !== null && total !== null && currency !== null;
  return {
    ...rest,
    lines: lines.map(toLine),
    payable: isPayable ? { customerId, total, currency } : undefined,
  };
}

export function toStoredLine({ productId, quantity, available }: ReservationLine): StoredLine {
  return {
    product_id: productId,
    quantity: String(quantity),
    ...(available !== undefined && { available: String(available) }),
  };
}

function toLine({ product_id: productId, quantity, available }: StoredLine): ReservationLine {
  return {
    productId,
    quantity: BigInt(quantity),
    ...(available !== undefined && { available: BigInt(available) }),
  };
}
