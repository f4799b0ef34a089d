export { type Caller, callerKey, customerOf } from './access/caller.ts';
export { createOwnTokens, type OwnTokens } from './access/own-tokens.ts';
export {
  type CallsPerSecond,
  createRateLimits,
  type RateLimits,
  WINDOW_MS,
} from './access/rate-limits.ts';
export { type AccessRule, accessRule } from './access/rules.ts';
export { redisCounts, type SharedCounts } from './access/shared-counts.ts';
export { createSigningKeys } from './access/signing-keys.ts';
export { createTokens, type Tokens, type TokenTerms } from './access/tokens.ts';
export type { BrowserAccess } from './browser-access.ts';
export { callerIdOf } from './caller-id.ts';
export {
  createRpcClient,
  createRpcTransport,
  type RpcTransport,
  type RpcTransportOptions,
} from './client.ts';
export { type Connection, connectionKey } from './connection.ts';
export type { EventDocs } from './doc-pages.ts';
export {
  type ErrorDetails,
  type ErrorReason,
  errorDomain,
  errorInfo,
  errorReason,
  errorReasons,
  errorsOf,
  type ReasonDeclaration,
  rpcError,
} from './errors.ts';
export { callOptions, type Forwarded, passedOn } from './forwarded.ts';
export type { HttpHandler } from './http.ts';
export { createHttpServer, type HttpServer } from './http-server.ts';
export { type FieldViolation, invalidRequest, storableText } from './invalid-request.ts';
export {
  type KeyPart,
  numberKey,
  type PageTokens,
  pageRequest,
  pageTokens,
  textKey,
  timeKey,
} from './page-token.ts';
export { type BreakerState, defaultRpcPolicies, type RpcPolicies } from './policies.ts';
export { refusalErrors, type ServiceReasons } from './refusal.ts';
export {
  earlierResponse,
  repeatableRequest,
  respondEachIdempotently,
  respondIdempotently,
} from './repeatable-request.ts';
export {
  type AdaptedBody,
  type RestAdapter,
  type RestDescription,
  type RestResponse,
  restAdapter,
} from './rest/adapter.ts';
export { toRestJson } from './rest/response-json.ts';
export { resumedStream } from './resumed-stream.ts';
export { createRpcServer } from './server.ts';
export {
  defaultRpcServerLimits,
  type RpcServer,
  type RpcServerLimits,
  type RpcServerOptions,
  type RpcServerPolicies,
} from './server-options.ts';
export { wasNotSent } from './transport-errors.ts';
