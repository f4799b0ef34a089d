import { begin } from '../domain/delivery.ts';
import type { DeliveryTransaction, DueMail } from '../ports.ts';

/** Deliveries that are stored as begun and have to be made, and when the next is due. */
export interface BegunDeliveries {
  readonly mails: readonly DueMail[];
  /** The mails that failed instead. */
  readonly failed: readonly DueMail[];
  readonly nextDueTime: Date | undefined;
}

/** Begins up to `limit` due deliveries. Each is due again later, should its outcome never be recorded. */
export async function beginDeliveries(
  { transaction, now }: { readonly transaction: DeliveryTransaction; readonly now: Date },
  limit: number,
): Promise<BegunDeliveries> {
  const due = await transaction.lockDue(now, limit);
  const next = due.map((mail) => ({ ...mail, delivery: begin(mail.delivery, now) }));
  transaction.save(
    next.map(({ delivery }) => delivery),
    now,
  );
  return {
    mails: next.filter(({ delivery }) => delivery.state === 'SENDING'),
    failed: next.filter(({ delivery }) => delivery.state === 'FAILED'),
    nextDueTime: await transaction.nextDueTime(),
  };
}
