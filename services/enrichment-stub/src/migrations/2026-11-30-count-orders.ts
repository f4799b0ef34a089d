import { Migration } from '@mikro-orm/migrations';

/** Customers' orders that were counted, and how many each customer has. */
export class CountOrders extends Migration {
  override up(): void {
    this.addSql(`
      create table counted_order (
        order_id text collate "C" primary key,
        customer_id text collate "C" not null
      )`);
    this.addSql(`
      create table order_count (
        customer_id text collate "C" primary key,
        orders bigint not null
      )`);
  }
}
