import { createHash } from 'node:crypto';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { ConnectError } from '@connectrpc/connect';
import { RetryInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import { Role } from '@orderflow/contracts/orderflow/access/v1/access';
import { counter, type Logger, type Meter } from '@orderflow/runtime';
import { LRUCache } from 'lru-cache';
import { rpcError } from '../errors.ts';
import { metric } from '../metrics.ts';
import { periodicWarning } from '../periodic-warning.ts';
import { echoed } from '../short-text.ts';
import type { Caller } from './caller.ts';
import type { SharedCounts } from './shared-counts.ts';

/** The calls of this time are counted together. So many that a limit allows in it may come at once. */
export const WINDOW_MS = 2_000;
/** The callers whose counts are kept: 270 bytes each. Of more those are dropped that have not called for longest. */
const MAX_COUNTS = 10_000;
/** Longer names are hashed. */
const MAX_NAME_LENGTH = 64;
/** A caller's calls are shared with other instances once they are this part of what it may make. */
const SHARED_PART = 1 / 20;
/** While the shared counts are unavailable they are tried again after this time. */
const RETRY_MS = 1_000;
/** How many counts may be on their way to the shared ones. Those of other callers follow with their next call. */
const MAX_SENDING = 64;

/** Who calls. `id`: without on whose behalf, which a service is free to say. */
export type LimitedCaller = Pick<Caller, 'id' | 'roles' | 'customerId'>;

/** How many calls a second a caller may make. */
export type CallsPerSecond = number | 'off';

/** Limits how often each caller calls. */
export interface RateLimits {
  /**
   * Counts a call that weighs as much as `weight` light ones: against the limit of the customer, with whatever token it
   * comes, or else of the operator or service.
   * @throws RATE_LIMITED with the time after which to repeat the call
   */
  take(caller: LimitedCaller, weight: number): void;
}

/** Whose calls are counted together. */
interface Limited {
  readonly role: 'customer' | 'operator' | 'service';
  readonly name: string;
}

/** The calls of one caller in one window. */
interface Count {
  /** In all instances, as far as this one knows. */
  points: number;
  /** Those of them that are not in the shared count yet. */
  unshared: number;
  /** On the clock of the limits, in milliseconds. */
  endsAt: number;
  isSending: boolean;
  isRefused: boolean;
}

/** All but the first of a window. */
const repeatedRefusals = new WeakSet<object>();

/** Whether a caller was refused as RATE_LIMITED although it had been a moment ago: the audit has the first only. */
export function isRepeatedRefusal(error: ConnectError): boolean {
  return repeatedRefusals.has(error);
}

/**
 * Creates the limits of one instance. It decides from its own memory: no call waits for the shared counts, and a refusal
 * needs none; without them each instance allows the whole limit. What other instances have counted it learns when it
 * shares its own, {@link SHARED_PART} of the limit late for each instance.
 */
export function createRateLimits(options: {
  /** Of each customer, and of each operator. */
  readonly perCaller: CallsPerSecond;
  readonly perService: CallsPerSecond;
  /** Absent: each instance has limits of its own. */
  readonly shared?: SharedCounts | undefined;
  readonly logger: Logger;
  readonly meter?: Meter | undefined;
  /** In milliseconds. */
  readonly now?: () => number;
}): RateLimits {
  const { perCaller, perService, shared, logger, meter, now = () => performance.now() } = options;
  const refusals = meter && counter(meter, metric.rpcCallsRateLimited);
  const warn = periodicWarning(
    logger,
    'callers made more calls than they may: these were refused, counted by caller; see docs/operations.md',
  );
  /** By caller. */
  const counts = new LRUCache<string, Count>({ max: MAX_COUNTS });
  let sending = 0;
  let failedAt: number | undefined;

  function currentCount(key: string, time: number): Count {
    let count = counts.get(key);
    if (count !== undefined && time < count.endsAt) return count;
    if (count === undefined) {
      count = { points: 0, unshared: 0, endsAt: 0, isSending: false, isRefused: false };
      counts.set(key, count);
    }
    count.points = 0;
    count.unshared = 0;
    count.isRefused = false;
    count.endsAt = time + WINDOW_MS;
    return count;
  }

  function maySend(): boolean {
    if (failedAt === undefined) return sending < MAX_SENDING;
    return sending === 0 && now() - failedAt >= RETRY_MS;
  }

  async function share(store: SharedCounts, key: string, count: Count, minPoints: number): Promise<void> {
    count.isSending = true;
    sending++;
    try {
      do {
        const points = count.unshared;
        count.unshared = 0;
        const all = await store.add(key, points);
        failedAt = undefined;
        // Otherwise when the clock of the store was set back, or another program has written there.
        if (all.endsInMs < 0 || all.endsInMs > store.windowMs) continue;
        count.points = all.points + count.unshared;
        count.endsAt = now() + all.endsInMs;
      } while (count.unshared >= minPoints);
    } catch {
      // The store reports that itself.
      failedAt = now();
    } finally {
      count.isSending = false;
      sending--;
    }
  }

  function refuse({ role, name }: Limited, limit: number, count: Count, time: number): ConnectError {
    refusals?.add(1, { role });
    warn(`${role} ${echoed(name)}`);
    const error = rateLimited(limit, count.endsAt - time);
    if (count.isRefused) repeatedRefusals.add(error);
    count.isRefused = true;
    return error;
  }

  return {
    take(caller, weight) {
      const limited = limitedOf(caller);
      const limit = limited.role === 'service' ? perService : perCaller;
      if (limit === 'off') return;
      const maxPoints = (limit * WINDOW_MS) / 1000;
      const time = now();
      const key = keyOf(limited);
      const count = currentCount(key, time);
      // A call that weighs more than the limit would never be allowed otherwise.
      if (count.points > 0 && count.points + weight > maxPoints) throw refuse(limited, limit, count, time);
      count.points += weight;
      count.unshared += weight;
      const minPoints = Math.max(1, maxPoints * SHARED_PART);
      if (shared && !count.isSending && count.unshared >= minPoints && maySend())
        void share(shared, key, count, minPoints);
    },
  };
}

function limitedOf({ id, roles, customerId }: LimitedCaller): Limited {
  if (roles.has(Role.SERVICE)) return { role: 'service', name: id };
  if (roles.has(Role.OPERATOR)) return { role: 'operator', name: id };
  return { role: 'customer', name: customerId || id };
}

/** Roles have names of their own: a customer may be called as a service is. */
function keyOf({ role, name }: Limited): string {
  const isLong = name.length > MAX_NAME_LENGTH;
  return `${role}:${isLong ? createHash('sha256').update(name).digest('base64url') : name}`;
}

function rateLimited(limit: number, retryMs: number): ConnectError {
  const text = `more than ${limit} calls a second, where heavy methods count as several: repeat later`;
  return rpcError('RATE_LIMITED', text, { limit: String(limit) }, [
    { desc: RetryInfoSchema, value: { retryDelay: durationFromMs(Math.ceil(Math.max(1, retryMs))) } },
  ]);
}
