export type { BrowserAccess } from './browser-access.ts';
export { callerIdOf } from './caller-id.ts';
export {
  createRpcClient,
  createRpcTransport,
  type RpcTransport,
  type RpcTransportOptions,
} from './client.ts';
export { type Connection, connectionKey } from './connection.ts';
export {
  type ErrorDetails,
  type ErrorReason,
  errorDomain,
  errorInfo,
  errorReason,
  errorReasons,
  rpcError,
} from './errors.ts';
export { type FieldViolation, invalidRequest, storableText } from './invalid-request.ts';
export { decodePageToken, encodePageToken } from './page-token.ts';
export { type BreakerState, defaultRpcPolicies, type RpcPolicies } from './policies.ts';
export {
  answerEachRepeatably,
  answerRepeatably,
  earlierAnswer,
  repeatableRequest,
} from './repeatable-request.ts';
export {
  createRpcServer,
  defaultRpcServerLimits,
  type RpcServer,
  type RpcServerLimits,
  type RpcServerOptions,
} from './server.ts';
export { wasNotSent } from './transport-errors.ts';
