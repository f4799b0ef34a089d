import { millis, type Sql } from '@orderflow/storage';
import type { Attempt, PaymentReader } from '../../ports.ts';
import { type SelectedPayment, selectedColumns, toStoredPayment } from './payment-row.ts';

interface AttemptRow extends Pick<Attempt, 'kind' | 'key' | 'detail'> {
  readonly outcome: Attempt['outcome'] | null;
  readonly createTime: number;
  readonly endTime: number | null;
}

/** Reads payments from Postgres. */
export function paymentReader(sql: Sql): PaymentReader {
  return {
    async find(orderId) {
      const [row] = await sql.query<SelectedPayment>(
        `select ${selectedColumns} from payment where order_id = $1`,
        [orderId],
      );
      if (row === undefined) return undefined;
      const rows = await sql.query<AttemptRow>(
        `select kind, key, outcome, detail, ${millis('create_time')} as "createTime", ${millis('end_time')} as "endTime"
         from payment_attempt where order_id = $1 order by number`,
        [orderId],
      );
      return { ...toStoredPayment(row), calls: rows.map(toAttempt) };
    },

    async page({ customerId, state, after, limit }) {
      const parameters: unknown[] = [];
      const given = (value: unknown) => `$${parameters.push(value)}`;
      const conditions = [
        ...(customerId === undefined ? [] : [`customer_id = ${given(customerId)}`]),
        ...(state === undefined ? [] : [`state = ${given(state)}`]),
        ...(after === undefined
          ? []
          : [`(create_time, order_id) < (${given(after.createTime)}, ${given(after.orderId)})`]),
      ];
      const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
      const rows = await sql.query<SelectedPayment>(
        `select ${selectedColumns} from payment ${where}
         order by create_time desc, order_id desc limit ${given(limit)}`,
        parameters,
      );
      return rows.map(toStoredPayment);
    },
  };
}

function toAttempt({ outcome, createTime, endTime, ...row }: AttemptRow): Attempt {
  return {
    ...row,
    outcome: outcome ?? undefined,
    createTime: new Date(createTime),
    endTime: endTime === null ? undefined : new Date(endTime),
  };
}
