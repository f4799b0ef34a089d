import { type BatchHandler, type ReceivedRecord, readBatch } from '@orderflow/messaging';
import { crashPoint, type InTransaction, type Logger } from '@orderflow/runtime';
import type { CrashPoint } from '../../crash-points.ts';
import type { GatewayDispatcher } from '../../dispatcher/gateway-dispatcher.ts';
import type { Terms } from '../../domain/input.ts';
import type { PaymentTransaction } from '../../ports.ts';
import { type AppliedEvents, applyEvents, type EventInputs } from '../../use-cases/apply-events.ts';
import { readEvent } from './read-event.ts';

const afterIntake: CrashPoint = 'payment-after-intake';

/** Handles batches of `order-events` and `inventory-events`, and makes the gateway calls that become due. */
export function createOrderAndInventoryEventsHandler({
  inTransaction,
  terms,
  now,
  dispatcher,
  logger,
}: {
  readonly inTransaction: InTransaction<PaymentTransaction>;
  readonly terms: Terms;
  readonly now: () => Date;
  readonly dispatcher: Pick<GatewayDispatcher, 'acquire' | 'wake'>;
  readonly logger: Logger;
}): BatchHandler {
  /** Applies events in one transaction, which stores as many due calls as there are permits; then makes these calls. */
  async function applyAndCall(events: readonly EventInputs[]): Promise<AppliedEvents> {
    const permits = dispatcher.acquire(events.length);
    try {
      const applied = await inTransaction((transaction) =>
        applyEvents({ transaction, terms, now: now(), permits: permits.count }, events),
      );
      crashPoint(afterIntake);
      permits.call(applied.calls);
      return applied;
    } finally {
      permits.release();
    }
  }

  return async (records) => {
    const { events, deadLetters } = readBatch(records, readEvent);
    if (events.length === 0) return { deadLetters, idle: true };

    const { contradictions, refused, due } = await applyAndCall(events.map(({ event }) => event));
    if (due) dispatcher.wake();
    for (const [index, { record, event }] of events.entries()) {
      const detail = contradictions[index];
      if (detail === undefined) continue;
      deadLetters.push({ record, reason: 'CONTRADICTORY_EVENT', detail });
      logger.error(
        { order_id: event.orderId, type: record.headers['ce_type'] },
        `contradictory event: ${detail}; dead-lettered`,
      );
    }
    for (const [index, { record: detectedBy }] of events.entries()) {
      for (const { record, detail } of refused[index] ?? []) {
        const letter = record as ReceivedRecord;
        deadLetters.push({ record: letter, detectedBy, reason: 'CONTRADICTORY_EVENT', detail });
        logger.error(
          { order_id: letter.headers['ce_subject'], offset: String(letter.offset) },
          `contradictory event: ${detail}; dead-lettered`,
        );
      }
    }
    return { deadLetters };
  };
}
