/** One REST request, and what becomes of it. `../rest.int.test.ts` runs it on the services of `../rest-fixture.ts`. */
export interface Vector {
  /** HTTP method, path and query, as they go onto the wire. */
  readonly send: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body as JSON, with its content type. */
  readonly json?: unknown;
  /** The body as it is, without a content type. */
  readonly raw?: string | Buffer;
  /** The call that the handler gets; absent: none. */
  readonly call?: readonly [method: string, request: unknown];
  /** 200 when absent. */
  readonly status?: number;
  /** The whole body of the response, or with an error's members some of them; absent: any. */
  readonly body?: unknown;
  readonly error?: string;
  /** The names of the violated fields, in order. */
  readonly fields?: readonly string[];
  /** What the message of the error, or one of its violations, says. */
  readonly says?: string;
  readonly responseHeaders?: Readonly<Record<string, string>>;
}

export const jsonType = { 'content-type': 'application/json' };
export const gzipped = { ...jsonType, 'content-encoding': 'gzip' };
export const id = (orderId: string) => ({ orderId });
export const cancelled = (orderId: string) => ({ orderId, reason: 'late' });
export const customer = { name: 'Ann', email: 'ann@example.com' };
