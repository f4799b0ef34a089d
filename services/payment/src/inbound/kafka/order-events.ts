import type { ReceivedRecord, SetAside, SliceHandler } from '@orderflow/messaging';
import { crashPoint, type InTransaction, type Logger } from '@orderflow/runtime';
import type { Terms } from '../../domain/input.ts';
import type { PaymentTransaction } from '../../ports.ts';
import { type OrderEvent, takeEvents } from '../../use-cases/take-events.ts';
import type { Charger } from '../charger.ts';
import type { CrashPoint } from '../crash-points.ts';
import { readEvent } from './read-event.ts';

const afterIntake: CrashPoint = 'payment-after-intake';

/** Handles slices of what orders and their stock tell, and has the charger ask the gateway what comes of it. */
export function createOrderEventsHandler({
  inTransaction,
  terms,
  now,
  charger,
  logger,
}: {
  readonly inTransaction: InTransaction<PaymentTransaction>;
  readonly terms: Terms;
  readonly now: () => Date;
  readonly charger: Pick<Charger, 'take' | 'wake'>;
  readonly logger: Logger;
}): SliceHandler {
  return async (records) => {
    const setAside: SetAside[] = [];
    const events: { record: ReceivedRecord; event: OrderEvent }[] = [];
    for (const record of records) {
      try {
        const event = readEvent(record);
        if (event !== undefined) events.push({ record, event });
      } catch (error) {
        setAside.push({ record, reason: 'MALFORMED_PROTOBUF', detail: String(error) });
      }
    }
    if (events.length === 0) return { setAside, idle: true };

    const { contradictions, due } = await charger.take(events.length, async (room) => {
      const taken = await inTransaction((transaction) =>
        takeEvents(
          { transaction, terms, now: now(), room },
          events.map(({ event }) => event),
        ),
      );
      crashPoint(afterIntake);
      return taken;
    });
    if (due) charger.wake();
    for (const [index, { record, event }] of events.entries()) {
      const detail = contradictions[index];
      if (detail === undefined) continue;
      setAside.push({ record, reason: 'CONTRADICTORY_EVENT', detail });
      logger.error({ order_id: event.orderId, type: record.headers['ce_type'] }, `cannot be: ${detail}`);
    }
    return { setAside };
  };
}
