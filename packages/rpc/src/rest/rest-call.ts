import type { DescMessage } from '@bufbuild/protobuf';
import { type ContextKey, createContextKey } from '@connectrpc/connect';
import type { Compression } from '@connectrpc/connect/protocol';

/** A call that came as a REST request. Its body has another form than that of the method's request. */
export interface RestCall {
  /** What the body is checked against before it is parsed. */
  readonly bodyDesc: DescMessage;
  readonly bodyCompression: Compression | undefined;
}

/** Set for calls that came as REST requests only. */
export const restCallKey: ContextKey<RestCall | undefined> = createContextKey<RestCall | undefined>(
  undefined,
  {
    description: 'the REST request of the call',
  },
);
