import type { DescMethod, Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type ContextValues, type HandlerContext } from '@connectrpc/connect';
import { Role } from '@orderflow/contracts/orderflow/access/v1/access';
import type { Logger } from '@orderflow/runtime';
import { statedCallerOf } from '../caller-id.ts';
import { rpcError } from '../errors.ts';
import { periodicWarning } from '../periodic-warning.ts';
import { echoed } from '../short-text.ts';
import { UnaryCall } from '../unary-call.ts';
import { untilAborted } from '../until-aborted.ts';
import { type Caller, callerKey, customerOf, withOnBehalfOf } from './caller.ts';
import type { RateLimits } from './rate-limits.ts';
import { accessRule, checkAccessRules } from './rules.ts';
import { roleName, type Tokens, unauthenticated } from './tokens.ts';

/** Decides who may call what, as contracts say. */
export interface AccessGate {
  /**
   * Called for every call before its request is read. Afterwards its context has the caller.
   * @throws UNAUTHENTICATED, RATE_LIMITED, PERMISSION_DENIED, DEPENDENCY_UNAVAILABLE
   */
  admit(context: HandlerContext): void | Promise<void>;
}

const bearer = /^bearer +(\S+) *$/i;

/**
 * Creates the gate of a server; undefined where no tokens are required.
 * @throws Error when the contract of one of the methods does not say who may call it
 */
export function createAccessGate(
  {
    tokens,
    rateLimits,
    logger,
  }: {
    readonly tokens?: Tokens | undefined;
    readonly rateLimits?: RateLimits | undefined;
    readonly logger: Logger;
  },
  methods: readonly DescMethod[],
): AccessGate | undefined {
  checkAccessRules(methods);
  if (tokens === undefined) return undefined;
  // Not a line for each: there are as many as callers send.
  const warn = periodicWarning(
    logger,
    'calls were refused for their tokens, counted by what is wrong with these; see docs/operations.md',
  );

  function counted(error: unknown): never {
    if (error instanceof ConnectError && error.code === Code.Unauthenticated) warn(error.rawMessage);
    throw error;
  }

  function enter(context: HandlerContext, caller: Caller): void {
    const { roles, weight } = accessRule(context.method);
    context.values.set(callerKey, caller);
    try {
      if (caller.roles.has(Role.SERVICE))
        context.values.set(callerKey, withOnBehalfOf(caller, statedCallerOf(context)));
    } finally {
      // A call with an invalid header counts, too.
      rateLimits?.take(caller, weight);
    }
    if (!caller.roles.values().some((role) => roles.has(role))) throw denied(context.method, roles);
    // Its own are those with this id: nothing belongs to a customer without one.
    if (customerOf(context) === '') throw unauthenticated('it has no id of a customer');
  }

  function admit(context: HandlerContext, { read }: Tokens): void | Promise<void> {
    const header = authorizationOf(context);
    const [, token] = bearer.exec(header ?? '') ?? [];
    if (token === undefined) throw missing(header);
    const caller = read(token);
    if (!(caller instanceof Promise)) return enter(context, caller);
    // Keys may be awaited for longer than the call lasts.
    const ending = context instanceof UnaryCall ? context.ending : context.signal;
    return untilAborted(caller, ending, () => {}).then((verified) => enter(context, verified));
  }

  return {
    admit(context) {
      if (accessRule(context.method).isPublic) return undefined;
      try {
        return admit(context, tokens)?.catch(counted);
      } catch (error) {
        return counted(error);
      }
    },
  };
}

/**
 * Limits a request to what its caller owns: a customer's id that is empty becomes the caller's.
 * @throws PERMISSION_DENIED when it is that of another
 */
export function limitToOwn(method: DescMethod, message: Message, values: ContextValues): void {
  const own = customerOf({ values });
  const customerField = own === undefined ? undefined : accessRule(method).customerField;
  if (own === undefined || customerField === undefined) return;
  const fields = message as unknown as Record<string, unknown>;
  const given = fields[customerField.localName];
  if (given === '') fields[customerField.localName] = own;
  else if (given !== own) {
    const text = `${customerField.name} is not yours: leave it out, or send ${own}`;
    throw rpcError('PERMISSION_DENIED', text, { [customerField.name]: echoed(String(given)) });
  }
}

function authorizationOf(context: HandlerContext): string | undefined {
  if (context instanceof UnaryCall) return context.headerValue('authorization');
  return context.requestHeader.get('authorization') ?? undefined;
}

function missing(header: string | undefined) {
  const error =
    header === undefined
      ? rpcError('UNAUTHENTICATED', 'this method needs a token: send it with authorization: Bearer …')
      : unauthenticated('the header authorization is not Bearer and one token');
  if (header === undefined) error.metadata.set('www-authenticate', 'Bearer');
  return error;
}

function denied(method: DescMethod, roles: ReadonlySet<Role>) {
  const names = [...roles].map((role) => roleName(role)).join(' or ');
  return rpcError('PERMISSION_DENIED', `${method.name} needs the role ${names}`, { method: method.name });
}
