import { Migration } from '@mikro-orm/migrations';

/** The first of the two events that a charge needs, until the other arrives. */
export class WaitForBoth extends Migration {
  override up(): void {
    this.addSql(`
      create table waiting_charge (
        order_id text collate "C" primary key,
        heard text not null,
        customer_id text not null,
        amount bigint not null,
        currency text not null,
        lines text not null,
        record bytea null,
        create_time timestamptz(3) not null
      )`);
    this.addSql('create index waiting_charge_create_time on waiting_charge (create_time)');
  }
}
