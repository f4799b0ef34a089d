import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  StockAdjustmentSchema,
  type StockAdjustment as WireAdjustment,
} from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import {
  Reservation_State,
  ReservationSchema,
  type Reservation as WireReservation,
} from '@orderflow/contracts/orderflow/inventory/v1/reservation';
import { StockSchema, type Stock as WireStock } from '@orderflow/contracts/orderflow/inventory/v1/stock';
import type { Reservation } from '../../domain/reservation.ts';
import { available, type Stock, type StockAdjustment } from '../../domain/stock.ts';

/** Converts a stock. */
export function toWireStock(stock: Stock): WireStock {
  const { productId, onHand, reserved, committed, updateTime } = stock;
  return create(StockSchema, {
    productId,
    onHand,
    reserved,
    available: available(stock),
    committed,
    ...(updateTime && { updateTime: timestampFromDate(updateTime) }),
  });
}

/** Converts an adjustment. */
export function toWireAdjustment({ createTime, ...adjustment }: StockAdjustment): WireAdjustment {
  const { productId, delta, onHand, reason, callerId } = adjustment;
  return create(StockAdjustmentSchema, {
    productId,
    delta,
    onHand,
    reason,
    callerId,
    createTime: timestampFromDate(createTime),
  });
}

/** Converts a reservation. */
export function toWireReservation(reservation: Reservation): WireReservation {
  const { orderId, state, lines, createTime, updateTime } = reservation;
  return create(ReservationSchema, {
    orderId,
    state: Reservation_State[state],
    lines: [...lines],
    createTime: timestampFromDate(createTime),
    updateTime: timestampFromDate(updateTime),
  });
}
