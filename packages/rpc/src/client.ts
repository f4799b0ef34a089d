import { Agent } from 'node:http';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { type Client, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { childOf, currentTrace, type Logger, type Meter, observableGauge } from '@orderflow/runtime';
import type { OwnTokens } from './access/own-tokens.ts';
import { createGrpcTransport } from './grpc-transport.ts';
import { Http2Sessions } from './http2-sessions.ts';
import { metric } from './metrics.ts';
import { type BreakerState, createProtectedCalls, defaultRpcPolicies, type RpcPolicies } from './policies.ts';
import { correctedErrors, normalizeTransportError, noToken } from './transport-errors.ts';

export interface RpcTransportOptions {
  /** The name of the peer in logs, metrics and errors, such as `customers`. */
  readonly name: string;
  /** For example `http://localhost:8005`. */
  readonly baseUrl: string;
  /** `grpc` over HTTP/2 (default), or `connect` over HTTP/1.1. */
  readonly protocol?: 'grpc' | 'connect';
  /** `none`, for tests of the protocols only: unary calls then bypass the policies as streams do. */
  readonly policies?: Partial<RpcPolicies> | 'none';
  /** Largest reply in bytes, 16 MiB by default; a larger one is RESOURCE_EXHAUSTED, which is not an outage. */
  readonly readMaxBytes?: number;
  /** The tokens that calls carry, unless they have one already. Absent: none. */
  readonly ownTokens?: OwnTokens | undefined;
  readonly logger: Logger;
  readonly meter?: Meter;
}

/**
 * Calls one peer, protected by {@link RpcPolicies}. Outages are UNAVAILABLE or DEADLINE_EXCEEDED, whatever the
 * connection did; `errorReason` identifies calls that were not sent (CIRCUIT_OPEN, TOO_MANY_CALLS). The policies apply
 * to unary calls; streams bypass them.
 */
export interface RpcTransport extends Transport {
  breakerState(): BreakerState;
  /** Closes the connections; calls in flight fail. */
  close(): void;
}

const READ_MAX_BYTES = 16 * 1024 * 1024;
/** Unknown fields of a newer peer are of no use here, and would be stored with the response. */
const binaryOptions = { readUnknownFields: false };
/** A lost connection is detected within the sum of the two. */
const PING_INTERVAL_MS = 10_000;
const PING_TIMEOUT_MS = 3000;

export function createRpcTransport(options: RpcTransportOptions): RpcTransport {
  const { name, logger, meter, policies, ownTokens } = options;
  const connection = connect(options);
  const calls = createProtectedCalls({
    name,
    policies: { ...defaultRpcPolicies, ...(policies !== 'none' && policies) },
    onBreakerChange(state, cause) {
      if (state === 'open')
        logger.warn({ api: name, state, err: cause }, 'circuit opened: calls fail immediately');
      else logger.info({ api: name, state }, 'circuit state changed');
    },
  });
  if (meter) {
    observableGauge(meter, metric.breakerState).addCallback((result) => {
      result.observe(breakerStates.indexOf(calls.breakerState()), { api: name });
    });
  }

  return {
    breakerState: calls.breakerState,
    close: connection.close,
    unary(...args) {
      if (policies === 'none') return connection.transport.unary(...args);
      const [method, signal, timeoutMs, header, message, contextValues] = args;
      return calls.call({
        repeatable: isRepeatable(method, message),
        ...(signal && { signal }),
        ...(timeoutMs !== undefined && timeoutMs > 0 && { timeoutMs }),
        async once(trySignal, tryTimeoutMs) {
          const headers = withTraceparent(header);
          const isOurs = !headers.has('authorization');
          const token = isOurs ? await ownTokens?.current() : undefined;
          if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
          try {
            return await connection.transport.unary(
              method,
              trySignal,
              tryTimeoutMs,
              headers,
              message,
              contextValues,
            );
          } catch (error) {
            const problem = isOurs ? problemOfToken(token, error) : undefined;
            if (token !== undefined && problem !== undefined) ownTokens?.refused(token);
            if (problem !== undefined) throw noToken(`${name}: ${problem}`, error);
            throw normalizeTransportError(error, trySignal, name);
          }
        },
      });
    },
    stream: (...args) => connection.transport.stream(...args),
  };
}

/** Creates a client with its own transport; services that share a peer share a transport and use `createClient`. */
export function createRpcClient<Service extends DescService>(
  service: Service,
  options: RpcTransportOptions,
): { client: Client<Service>; transport: RpcTransport } {
  const transport = createRpcTransport(options);
  return { client: createClient(service, transport), transport };
}

/** What a peer says of our token says nothing about the request: it is an outage, until the settings are corrected. */
function problemOfToken(token: string | undefined, error: unknown): string | undefined {
  const { code } = ConnectError.from(error);
  if (token === undefined)
    return code === Code.Unauthenticated ? 'it needs a token, and AUTH_CLIENT_ID is not set' : undefined;
  const isRefused = code === Code.Unauthenticated || code === Code.PermissionDenied;
  return isRefused ? 'our token is refused' : undefined;
}

/** In the order of their numbers in the metric. */
const breakerStates: readonly BreakerState[] = ['closed', 'half-open', 'open'];

function connect(options: RpcTransportOptions): { transport: Transport; close(): void } {
  const { baseUrl, readMaxBytes = READ_MAX_BYTES } = options;
  if (options.protocol === 'connect') {
    const agent = new Agent({ keepAlive: true });
    const transport = createConnectTransport({
      baseUrl,
      readMaxBytes,
      binaryOptions,
      interceptors: [correctedErrors],
      httpVersion: '1.1',
      nodeOptions: { agent },
    });
    return { transport, close: () => agent.destroy() };
  }
  const sessionManager = new Http2Sessions(baseUrl, {
    pingIntervalMs: PING_INTERVAL_MS,
    pingTimeoutMs: PING_TIMEOUT_MS,
  });
  const transport = createGrpcTransport({
    baseUrl,
    readMaxBytes,
    binaryOptions,
    sessionManager,
  });
  return { transport, close: () => sessionManager.abort() };
}

/** The contract says which methods may be repeated; those with a `request_id` only when the caller has set it. */
function isRepeatable(method: DescMethod, message: object): boolean {
  if (method.idempotency === IdempotencyLevel.NO_SIDE_EFFECTS) return true;
  if (method.idempotency !== IdempotencyLevel.IDEMPOTENT) return false;
  const requestId = method.input.fields.find((field) => field.name === 'request_id');
  return requestId === undefined || Boolean((message as Record<string, unknown>)[requestId.localName]);
}

function withTraceparent(header: ConstructorParameters<typeof Headers>[0]): Headers {
  const headers = new Headers(header);
  const trace = currentTrace();
  if (trace && !headers.has('traceparent')) headers.set('traceparent', childOf(trace.traceparent));
  return headers;
}
