import { Migration } from '@mikro-orm/migrations';

/** How far the orders from before the first event that is still on the topic are counted. */
export class BackfillOrders extends Migration {
  override up(): void {
    this.addSql(`
      create table order_backfill (
        source text primary key,
        page_token text not null,
        done boolean not null
      )`);
    this.addSql(`insert into order_backfill (source, page_token, done) values ('orders', '', false)`);
  }
}
