import { Migration } from '@mikro-orm/migrations';

/**
 * An index of the payments whose orders are not known to have ended, a few among all: `orders stuck` compares them with
 * the orders. Writers of payments wait while it is built: less than a second for a million payments.
 */
export class FindOpenPayments extends Migration {
  override up(): void {
    this.addSql(`create index if not exists payment_open on payment (create_time)
      where not completed and not cancel_requested`);
  }
}
