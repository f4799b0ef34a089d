/** Why an order was cancelled, as in the contract. */
export type CancelReason = 'PAYMENT_FAILED' | 'OUT_OF_STOCK' | 'CLIENT_REQUEST' | 'DEADLINE';
