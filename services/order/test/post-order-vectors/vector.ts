/** One body of `POST /orders`, and what becomes of it. `post-order.int.test.ts` sends them. */
export interface OrderVector {
  readonly name: string;
  /** The body, as JSON, or as it is. */
  readonly json?: unknown;
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The request that the handler gets, as protobuf's JSON; absent: none. */
  readonly call?: object;
  /** 202 when absent. */
  readonly status?: number;
  readonly error?: string;
  /** The violated fields with their rules, in order. */
  readonly violations?: readonly (readonly [field: string, reason: string])[];
  /** What the message of the error, or one of its violations, says. */
  readonly says?: string;
}

export const order = { order_id: 'o-1', customer_id: 'c-1' };
export const items = [{ product_id: 'p-1', quantity: 2 }];
/** An order of one product, of which this is said. */
export const line = (more: object) => ({ ...order, items: [{ product_id: 'p-1', ...more }] });

/** What the response to an invalid order has. */
export const invalid = { status: 400, error: 'invalid_request' };
