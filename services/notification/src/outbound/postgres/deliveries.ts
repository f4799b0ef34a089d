import { type Database, intArray, millis, type Transaction, textArray } from '@orderflow/storage';
import type { Delivery } from '../../domain/delivery.ts';
import type { DeliveryTransaction } from '../../ports.ts';

interface DeliveryRow extends Pick<Delivery, 'id' | 'state' | 'attempts' | 'unknown' | 'lastDetail'> {
  readonly sendTime: number | null;
  readonly giveUpTime: number;
}

const columns = `id, state, attempts, unknown, last_detail as "lastDetail", ${millis('send_time')} as "sendTime",
  ${millis('give_up_time')} as "giveUpTime"`;

/** Runs changes of deliveries in one Postgres transaction. */
export function deliveryTransactions(
  database: Database,
): <T>(work: (transaction: DeliveryTransaction) => Promise<T>) => Promise<T> {
  return (work) => database.transaction((transaction) => work(deliveryTransaction(transaction)));
}

function deliveryTransaction(transaction: Transaction): DeliveryTransaction {
  return {
    async lockDue(now, limit) {
      const rows = await transaction.query<DeliveryRow & { recipient: string; message: Buffer }>(
        `select ${columns}, recipient, message from mail where send_time <= $1
         order by send_time limit $2 for update skip locked`,
        [now, limit],
      );
      return rows.map(({ recipient, message, ...row }) => ({
        delivery: toDelivery(row),
        recipient,
        message,
      }));
    },

    async lock(id) {
      const [row] = await transaction.query<DeliveryRow>(
        `select ${columns} from mail where id = $1 and message is not null for update`,
        [id],
      );
      return row && toDelivery(row);
    },

    async nextDueTime() {
      const [row] = await transaction.query<{ time: number | null }>(
        `select ${millis('min(send_time)')} as time from mail where send_time is not null`,
      );
      return row?.time == null ? undefined : new Date(row.time);
    },

    save(deliveries, now) {
      if (deliveries.length === 0) return;
      transaction.write(
        `update mail set state = new.state, attempts = new.attempts, unknown = new.unknown,
           last_detail = new.last_detail, send_time = new.send_time, update_time = $1
         from unnest($2::text[], $3::text[], $4::int[], $5::int[], $6::text[], $7::timestamptz[])
           as new(id, state, attempts, unknown, last_detail, send_time)
         where mail.id = new.id`,
        [
          now,
          textArray(deliveries.map(({ id }) => id)),
          textArray(deliveries.map(({ state }) => state)),
          intArray(deliveries.map(({ attempts }) => attempts)),
          intArray(deliveries.map(({ unknown }) => unknown)),
          textArray(deliveries.map(({ lastDetail }) => lastDetail)),
          deliveries.map(({ sendTime }) => sendTime ?? null),
        ],
      );
    },
  };
}

function toDelivery({ sendTime, giveUpTime, ...row }: DeliveryRow): Delivery {
  return {
    ...row,
    sendTime: sendTime === null ? undefined : new Date(sendTime),
    giveUpTime: new Date(giveUpTime),
  };
}
