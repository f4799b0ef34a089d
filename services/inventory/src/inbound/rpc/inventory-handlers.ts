import type { ServiceImpl } from '@connectrpc/connect';
import {
  AdjustStockRequestSchema,
  AdjustStockResponseSchema,
  type InventoryService,
  SetStockRequestSchema,
  SetStockResponseSchema,
} from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { answerRepeatably, callerIdOf, repeatableRequest } from '@orderflow/rpc';
import { crashPoint, type InTransaction } from '@orderflow/runtime';
import type { ReservationReader, StockReader, StockTransaction } from '../../ports.ts';
import { changeStock } from '../../use-cases/change-stock.ts';
import { getReservation } from '../../use-cases/get-reservation.ts';
import { getStock } from '../../use-cases/get-stock.ts';
import { listAdjustments } from '../../use-cases/list-adjustments.ts';
import { listStock } from '../../use-cases/list-stock.ts';
import { crashPoints } from '../crash-points.ts';
import { nextPageToken, toPageRequest } from './pages.ts';
import { toWireAdjustment, toWireReservation, toWireStock } from './wire.ts';

/** InventoryService on its use cases. Throws their refusals as they are. */
export function inventoryHandlers({
  stock,
  reservations,
  inTransaction,
  now,
}: {
  readonly stock: StockReader;
  readonly reservations: ReservationReader;
  readonly inTransaction: InTransaction<StockTransaction>;
  readonly now: () => Date;
}): ServiceImpl<typeof InventoryService> {
  return {
    async getStock({ productId }) {
      const [found] = await getStock(stock, [productId]);
      return { ...(found && { stock: toWireStock(found) }) };
    },

    async batchGetStock({ productIds }) {
      return { stock: (await getStock(stock, productIds)).map(toWireStock) };
    },

    async listStock(request) {
      const { availableAtMost } = request;
      // A token is good for the list it came from, and that is one with the same filter.
      const list = availableAtMost === undefined ? 'stock' : `stock of at most ${availableAtMost}`;
      const { after: afterId, size } = toPageRequest(list, request);
      const { items, last } = await listStock(stock, { availableAtMost, afterId, size });
      return { stock: items.map(toWireStock), nextPageToken: nextPageToken(list, last?.productId) };
    },

    async setStock(request, context) {
      const { productId, onHand, reason } = request;
      const repeatable = repeatableRequest(SetStockRequestSchema, request, context);
      const change = { productId, onHand: { set: onHand }, reason, callerId: callerIdOf(context) };
      const answer = await inTransaction((transaction, answerOnce) =>
        answerRepeatably(SetStockResponseSchema, repeatable, answerOnce, async () => ({
          stock: toWireStock(await changeStock({ transaction, now }, change)),
        })),
      );
      crashPoint(crashPoints.stockChanged);
      return answer;
    },

    async adjustStock(request, context) {
      const { productId, delta, reason } = request;
      const repeatable = repeatableRequest(AdjustStockRequestSchema, request, context);
      const change = { productId, onHand: { add: delta }, reason, callerId: callerIdOf(context) };
      const answer = await inTransaction((transaction, answerOnce) =>
        answerRepeatably(AdjustStockResponseSchema, repeatable, answerOnce, async () => ({
          stock: toWireStock(await changeStock({ transaction, now }, change)),
        })),
      );
      crashPoint(crashPoints.stockChanged);
      return answer;
    },

    async listStockAdjustments(request) {
      const { productId } = request;
      const list = `adjustments of ${productId}`;
      const { after, size } = toPageRequest(list, request);
      const beforeId = after === undefined ? undefined : BigInt(after);
      const { items, last } = await listAdjustments(stock, { productId, beforeId, size });
      return {
        adjustments: items.map(toWireAdjustment),
        nextPageToken: nextPageToken(list, last?.id.toString()),
      };
    },

    async getReservation({ orderId }) {
      return { reservation: toWireReservation(await getReservation(reservations, orderId)) };
    },
  };
}
