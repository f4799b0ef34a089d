import { Code } from '@connectrpc/connect';
import type { ServiceReasons } from '@orderflow/rpc';
import type { RefusalReason } from '../../domain/refusal.ts';

/** The error reasons that belong to inventory. */
export const errorReasons = {
  STOCK_BELOW_RESERVED: {
    code: Code.FailedPrecondition,
    status: 409,
    description:
      'The quantity on hand would be less than the quantity reserved for orders; `metadata` has on_hand and reserved. Set it to at least the reserved quantity.',
  },
  RESERVATION_NOT_FOUND: {
    code: Code.NotFound,
    status: 404,
    description: 'Inventory has no reservation for an order with this id.',
  },
} as const satisfies ServiceReasons<RefusalReason>;
