import {
  type BinaryReadOptions,
  type BinaryWriteOptions,
  create,
  type DescMethodUnary,
} from '@bufbuild/protobuf';
import type { Transport, UnaryResponse } from '@connectrpc/connect';
import {
  createMethodSerializationLookup,
  createMethodUrl,
  encodeEnvelope,
  validateReadWriteMaxBytes,
} from '@connectrpc/connect/protocol';
import { requestHeaderWithCompression } from '@connectrpc/connect/protocol-grpc';
import {
  compressionBrotli,
  compressionGzip,
  createGrpcTransport as createConnectTransport,
  type Http2SessionManager,
} from '@connectrpc/connect-node';
import { ClientCall, type ClientMethod } from './client-call.ts';
import { correctedErrors } from './transport-errors.ts';

/** The compressions that responses may have; requests are not compressed. */
const acceptCompression = [compressionGzip, compressionBrotli];

/**
 * Creates a transport for gRPC over HTTP/2. Unary calls are made on Node's streams themselves, see {@link ClientCall};
 * streams are made by Connect, on the same connections.
 */
export function createGrpcTransport(options: {
  baseUrl: string;
  sessionManager: Http2SessionManager;
  readMaxBytes: number;
  binaryOptions: Partial<BinaryReadOptions & BinaryWriteOptions>;
}): Transport {
  const { baseUrl, binaryOptions, sessionManager: sessions } = options;
  const limits = validateReadWriteMaxBytes(options.readMaxBytes, undefined, undefined);
  const methods = new Map<DescMethodUnary, ClientMethod>();

  function methodOf(method: DescMethodUnary): ClientMethod {
    const known = methods.get(method);
    if (known) return known;
    const { pathname, search } = new URL(createMethodUrl(baseUrl, method));
    const serialization = createMethodSerializationLookup(method, binaryOptions, undefined, limits);
    const added: ClientMethod = {
      ...{ method, path: pathname + search, acceptCompression, readMaxBytes: limits.readMaxBytes, sessions },
      serialize: serialization.getI(true).serialize,
      parse: serialization.getO(true).parse,
    };
    methods.set(method, added);
    return added;
  }

  return {
    stream: createConnectTransport({ ...options, acceptCompression, interceptors: [correctedErrors] }).stream,

    async unary(descriptor, signal, givenTimeoutMs, givenHeader, input) {
      const method = methodOf(descriptor);
      // As in Connect, 0 is no deadline.
      const timeoutMs = givenTimeoutMs !== undefined && givenTimeoutMs > 0 ? givenTimeoutMs : undefined;
      const call = new ClientCall(method, {
        header: requestHeaderWithCompression(true, timeoutMs, givenHeader, acceptCompression, null),
        frame: encodeEnvelope(0, method.serialize(create(descriptor.input, input))),
        ...{ signal, timeoutMs },
      });
      return (await call.send()) as UnaryResponse<typeof descriptor.input, typeof descriptor.output>;
    },
  };
}
