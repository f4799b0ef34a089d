import type { InTransaction } from '@orderflow/runtime';
import { type Database, idempotentTransactions, millis, type Sql } from '@orderflow/storage';
import type { MailReader, MessageTransaction, StoredMail } from '../../ports.ts';
import { insertMails } from './new-mails.ts';

type TimeField = 'nextAttemptTime' | 'eventTime' | 'createTime' | 'updateTime';
type SelectedMail = Omit<StoredMail, TimeField> & Readonly<Record<TimeField, number | null>>;

/** Columns of a stored mail; `body`: SQL of its text. */
function columnsWith(body: string): string {
  return `id, kind, order_id as "orderId", customer_id as "customerId", state, subject, ${body} as text, attempts,
    last_detail as "lastDetail", ${millis('coalesce(render_time, send_time)')} as "nextAttemptTime",
    ${millis('event_time')} as "eventTime", ${millis('create_time')} as "createTime",
    ${millis('update_time')} as "updateTime"`;
}

/** Reads mails from Postgres. */
export function postgresMailReader(sql: Sql): MailReader {
  return {
    async find(id) {
      const [row] = await sql.query<SelectedMail>(`select ${columnsWith('body')} from mail where id = $1`, [
        id,
      ]);
      return row && toStoredMail(row);
    },

    async page({ after, limit, ...filters }) {
      const values: unknown[] = [];
      const parameter = (value: unknown) => `$${values.push(value)}`;
      const columns = {
        orderId: 'order_id',
        customerId: 'customer_id',
        state: 'state',
        kind: 'kind',
      } as const;
      const conditions = Object.entries(columns).flatMap(([name, column]) => {
        const value = filters[name as keyof typeof columns];
        return value === undefined ? [] : [`${column} = ${parameter(value)}`];
      });
      if (after)
        conditions.push(`(create_time, id) < (${parameter(after.createTime)}, ${parameter(after.id)})`);
      const rows = await sql.query<SelectedMail>(
        `select ${columnsWith("''")} from mail where ${conditions.join(' and ') || 'true'}
         order by create_time desc, id desc limit ${parameter(limit)}`,
        values,
      );
      return rows.map(toStoredMail);
    },
  };
}

/** Runs messages by hand, with their stored responses, in one Postgres transaction. */
export function messageTransactions(database: Database, now: () => Date): InTransaction<MessageTransaction> {
  return idempotentTransactions(database, now, (transaction) => ({
    find: postgresMailReader(transaction).find,
    insert: (mails, time) => insertMails(transaction, mails, time),
  }));
}

function toStoredMail({
  nextAttemptTime,
  eventTime,
  createTime,
  updateTime,
  ...row
}: SelectedMail): StoredMail {
  return {
    ...row,
    nextAttemptTime: nextAttemptTime === null ? undefined : new Date(nextAttemptTime),
    eventTime: new Date(Number(eventTime)),
    createTime: new Date(Number(createTime)),
    updateTime: new Date(Number(updateTime)),
  };
}
