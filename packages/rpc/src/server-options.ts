import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import type { Component, Health, Logger, Meter } from '@orderflow/runtime';
import type { RateLimits } from './access/rate-limits.ts';
import type { Tokens } from './access/tokens.ts';
import type { BrowserAccess } from './browser-access.ts';
import type { EventDocs } from './doc-pages.ts';
import type { Forwarded } from './forwarded.ts';
import type { ListenerLimits } from './listener.ts';
import type { RestAdapter } from './rest/adapter.ts';
import type { ErrorMeanings } from './shown-errors.ts';

/** Limits against clients that send too much, too slowly or too often. */
export interface RpcServerLimits extends ListenerLimits {
  /** The largest request in bytes, also decompressed; absent: what the contract of each method allows. */
  readonly readMaxBytes?: number;
  /** The memory that requests may take until their responses have been sent; absent: a quarter of the heap. */
  readonly memoryBytes?: number;
  /**
   * The maximum number of unary calls of a method whose handlers run or wait, of all callers together. While calls take
   * longer than a second it is lower, down to 64. Health checks are not limited.
   */
  readonly maxCalls: number;
  /** The longest deadline of a unary call, and the default for those without one. Streams are not limited. */
  readonly maxTimeoutMs: number;
}

export const defaultRpcServerLimits: RpcServerLimits = {
  maxCalls: 1024,
  maxTimeoutMs: 60_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  responseStallMs: 30_000,
  idleTimeoutMs: 300_000,
  maxConnections: 1000,
  maxConnectionsPerAddress: 0,
  maxStreams: 256,
};

/** What the server adds to the protocols. All of it is on, except where a test needs the plain protocols. */
export interface RpcServerPolicies {
  /**
   * Every error has a declared reason, and any other error of a handler becomes INTERNAL, without text. Off:
   * errors are sent as the handler or Connect made them.
   */
  readonly declaredReasons: boolean;
  /** A unary call without a deadline gets the longest. */
  readonly defaultDeadline: boolean;
  /** The contract of every method says who may call it, or the server is not created. */
  readonly accessRules: boolean;
}

export interface RpcServerOptions extends ErrorMeanings {
  /** The name of the process in its responses, such as `enrichment-stub`. */
  readonly service: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Adds the implementations; see {@link services}. */
  readonly routes: (router: ConnectRouter) => void;
  /** The services that `routes` adds, for health and reflection. */
  readonly services: readonly DescService[];
  /** Of the methods that REST serves in a form of their own. */
  readonly restAdapters?: readonly RestAdapter[];
  /** What REST serves besides these services. RPC, health and reflection do not have it. */
  readonly forwarded?: readonly Forwarded[];
  /**
   * Makes what `/asyncapi.json` and the page `/docs/events` show, when one of them is first asked for. Absent, or without
   * REST: they do not exist.
   */
  readonly eventDocs?: (() => Promise<EventDocs>) | undefined;
  /** Verifies the tokens of callers. Absent: everybody may call everything. */
  readonly tokens?: Tokens | undefined;
  /** How often they may call. Absent, or without tokens: as often as they like. */
  readonly rateLimits?: RateLimits | undefined;
  readonly health: Health;
  /** The text of `/metrics`. */
  readonly prometheus: () => Promise<string>;
  /** Whether a management server of this process shows metrics and checks; they are not on this port then. */
  readonly hasManagementPort?: boolean;
  readonly logger: Logger;
  readonly meter?: Meter;
  readonly limits?: Partial<RpcServerLimits>;
  readonly policies?: Partial<RpcServerPolicies>;
  /** Absent: pages of other origins may not call. */
  readonly cors?: BrowserAccess;
  /** How long `stop` reports "not ready" before it accepts no more calls, so that load balancers notice. */
  readonly drainMs: number;
  /** How long calls in flight may take after that. */
  readonly graceMs: number;
}

export interface RpcServer extends Component {
  /** The port it listens on; throws before `start`. */
  readonly port: number;
}
