import { type ContextKey, createContextKey, type HandlerContext } from '@connectrpc/connect';
import { Role } from '@orderflow/contracts/orderflow/access/v1/access';

/** Who calls, as a verified token says. */
export interface Caller {
  readonly issuer: string;
  readonly subject: string;
  readonly roles: ReadonlySet<Role>;
  /** The customer that it is if it has the role customer. */
  readonly customerId: string;
  /** On whose behalf a service says that it calls. */
  readonly onBehalfOf: string | undefined;
  /**
   * What history, adjustments, stored responses and the audit call it: `ann@id.example`, or
   * `shop@id.example for ann`.
   */
  readonly id: string;
  /** Until when its token is good, by the time of day in milliseconds; with the tolerance for clocks. */
  readonly expiresAt: number;
}

/** The caller of a call; undefined where no tokens are required. */
export const callerKey: ContextKey<Caller | undefined> = createContextKey<Caller | undefined>(undefined, {
  description: 'the verified caller',
});

/** Returns a service with the name of whom it calls for, if it gives one. */
export function withOnBehalfOf(caller: Caller, onBehalfOf: string | undefined): Caller {
  if (onBehalfOf === undefined) return caller;
  return { ...caller, onBehalfOf, id: `${caller.id} for ${onBehalfOf}` };
}

/**
 * The customer to whose objects a call is limited: those of others do not exist for it. Undefined: to none, as for
 * operators and services.
 */
export function customerOf({ values }: Pick<HandlerContext, 'values'>): string | undefined {
  const caller = values.get(callerKey);
  if (caller === undefined || caller.roles.has(Role.OPERATOR) || caller.roles.has(Role.SERVICE))
    return undefined;
  return caller.customerId;
}
