import { bigintArray, byteaArray, intArray, type Transaction, textArray } from '@orderflow/storage';
import type { EnrichedOrder } from '../../domain/enriched-order.ts';
import { sagaStates } from '../../domain/saga.ts';
import type { NextDeadline, Transition } from '../../domain/transition.ts';
import { encodeEnrichedOrder } from './enriched-order-bytes.ts';
import { textOrNull, withoutNul } from './storable.ts';

/** A transition and its time. */
export interface TimedTransition extends Transition {
  /** By the database's clock, and never before earlier transitions of the order. */
  readonly time: Date;
  /** The decided order, of the transition that decides it. */
  readonly enrichedOrder?: EnrichedOrder | undefined;
}

/** Writes the rows of transitions in `order_history`. */
export function appendHistory(transaction: Transaction, transitions: readonly TimedTransition[]): void {
  if (transitions.length === 0) return;
  transaction.write(
    `
    insert into order_history
      (order_id, revision, state, cause, version, event_types, detail, enriched_order, create_time)
    select order_id, revision, state, cause, version, string_to_array(event_types, ','), detail,
      enriched_order, to_timestamp(time / 1000.0)
    from unnest(
      $1::text[],
      $2::int[],
      $3::text[],
      $4::text[],
      $5::int[],
      $6::text[],
      $7::text[],
      $8::bytea[],
      $9::bigint[]
    ) as new(order_id, revision, state, cause, version, event_types, detail, enriched_order, time)`,
    [
      textArray(transitions.map(({ after }) => after.orderId)),
      intArray(transitions.map(({ after }) => after.revision)),
      textArray(transitions.map(({ after }) => sagaStates[after.sagaState].state)),
      textArray(transitions.map(({ input }) => withoutNul(input.cause))),
      intArray(transitions.map(({ after }) => after.version)),
      textArray(transitions.map(({ publishes }) => publishes.join(','))),
      textArray(transitions.map(({ detail }) => textOrNull(detail))),
      byteaArray(
        transitions.map(({ enrichedOrder }) =>
          enrichedOrder === undefined ? null : encodeEnrichedOrder(enrichedOrder),
        ),
      ),
      bigintArray(transitions.map(({ time }) => BigInt(time.getTime()))),
    ],
  );
}

/** Returns the milliseconds from now to a deadline; null where there is none, or the present one remains. */
export function afterMs(nextDeadline: NextDeadline): number | null {
  return typeof nextDeadline === 'object' ? nextDeadline.afterMs : null;
}
