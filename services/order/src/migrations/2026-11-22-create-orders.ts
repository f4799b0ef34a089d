import { Migration } from '@mikro-orm/migrations';
import { outboxMigration } from '@orderflow/messaging';

/** Orders, their history, and the outbox. */
export class CreateOrders extends Migration {
  override up(): void {
    this.addSql(`
      create table orders (
        id text collate "C" primary key,
        customer_id text not null,
        content_hash bytea not null,
        state text not null,
        version int not null,
        revision int not null,
        needs_attention text null,
        create_time timestamptz(3) not null,
        update_time timestamptz(3) not null
      )`);
    this.addSql('create index orders_customer on orders (customer_id, create_time, id)');
    this.addSql('create index orders_state on orders (state, update_time)');
    this.addSql('create index orders_attention on orders (update_time) where needs_attention is not null');
    this.addSql(`
      create table order_history (
        order_id text collate "C" not null,
        revision int not null,
        state text not null,
        cause text not null,
        enriched_order bytea null,
        create_time timestamptz(3) not null,
        primary key (order_id, revision)
      )`);
    for (const statement of outboxMigration) this.addSql(statement);
  }
}
