import type { ServiceImpl } from '@connectrpc/connect';
import {
  AdjustStockRequestSchema,
  AdjustStockResponseSchema,
  type InventoryService,
  SetStockRequestSchema,
  SetStockResponseSchema,
} from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import {
  callerIdOf,
  numberKey,
  pageRequest,
  pageTokens,
  repeatableRequest,
  respondIdempotently,
  textKey,
} from '@orderflow/rpc';
import { crashPoint, type InTransaction, readPage } from '@orderflow/runtime';
import type { ReservationReader, StockReader, StockTransaction } from '../../ports.ts';
import { changeStock, type StockChange } from '../../use-cases/change-stock.ts';
import { getReservation } from '../../use-cases/get-reservation.ts';
import { getStock } from '../../use-cases/get-stock.ts';
import { crashPoints } from '../crash-points.ts';
import { toWireAdjustment, toWireReservation, toWireStock } from './wire.ts';

/** Implements InventoryService. Throws refusals unchanged. */
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
      // A token is valid for one list, and lists with different filters are different lists.
      const list = availableAtMost === undefined ? 'stock' : `stock of at most ${availableAtMost}`;
      const tokens = pageTokens<[string]>(list, textKey);
      const { after: [afterId] = [], size } = pageRequest(tokens, request);
      const { items, last } = await readPage(size, (limit) =>
        stock.page({ availableAtMost, afterId, limit }),
      );
      return { stock: items.map(toWireStock), nextPageToken: tokens.encode(last && [last.productId]) };
    },

    async setStock(request, context) {
      const { productId, onHand = 0n, quantityAvailable, reason } = request;
      const repeatable = repeatableRequest(SetStockRequestSchema, request, context);
      const change: StockChange = {
        productId,
        onHand: quantityAvailable === undefined ? { set: onHand } : { available: quantityAvailable },
        reason: reason || 'SetStock, without a reason',
        callerId: callerIdOf(context),
      };
      const response = await inTransaction((transaction, runIdempotent) =>
        respondIdempotently(SetStockResponseSchema, repeatable, runIdempotent, async () => ({
          stock: toWireStock(await changeStock({ transaction, now }, change)),
        })),
      );
      crashPoint(crashPoints.stockChanged);
      return response;
    },

    async adjustStock(request, context) {
      const { productId, delta, reason } = request;
      const repeatable = repeatableRequest(AdjustStockRequestSchema, request, context);
      const change = { productId, onHand: { add: delta }, reason, callerId: callerIdOf(context) };
      const response = await inTransaction((transaction, runIdempotent) =>
        respondIdempotently(AdjustStockResponseSchema, repeatable, runIdempotent, async () => ({
          stock: toWireStock(await changeStock({ transaction, now }, change)),
        })),
      );
      crashPoint(crashPoints.stockChanged);
      return response;
    },

    async listStockAdjustments(request) {
      const { productId } = request;
      const tokens = pageTokens<[bigint]>(`adjustments of ${productId}`, numberKey);
      const { after: [beforeId] = [], size } = pageRequest(tokens, request);
      const { items, last } = await readPage(size, (limit) =>
        stock.adjustments({ productId, beforeId, limit }),
      );
      return { adjustments: items.map(toWireAdjustment), nextPageToken: tokens.encode(last && [last.id]) };
    },

    async getReservation({ orderId }) {
      return { reservation: toWireReservation(await getReservation(reservations, orderId)) };
    },
  };
}
