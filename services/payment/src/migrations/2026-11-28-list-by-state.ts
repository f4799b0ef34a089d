import { Migration } from '@mikro-orm/migrations';

/**
 * An index for ListPayments by a rare state. Writers of payments wait while it is built: seconds for a million
 * payments. With many more, build it before with `concurrently`; see docs/operations.md.
 */
export class ListByState extends Migration {
  override up(): void {
    this.addSql('create index if not exists payment_state on payment (state, create_time, order_id)');
  }
}
