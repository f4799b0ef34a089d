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
        total bigint null,
        cancel_reason text null,
        cancel_detail text null,
        stock_released boolean not null default false,
        money_undone boolean not null default false,
        transaction_id text null,
        refunded boolean not null default false,
        deadline_time timestamptz(3) null,
        requery_time timestamptz(3) null,
        caller_id text null,
        submission bytea null,
        submission_content_type text null,
        create_time timestamptz(3) not null,
        update_time timestamptz(3) not null
      )`);
    this.addSql('create index orders_customer on orders (customer_id, create_time, id)');
    this.addSql('create index orders_state on orders (state, update_time)');
    this.addSql('create index orders_create_time on orders (create_time, id)');
    this.addSql('create index orders_deadline on orders (deadline_time) where deadline_time is not null');
    this.addSql('create index orders_attention on orders (update_time) where needs_attention is not null');
    this.addSql(`
      create table order_history (
        order_id text collate "C" not null,
        revision int not null,
        state text not null,
        cause text not null,
        version int not null,
        event_types text[] not null default '{}',
        detail text null,
        enriched_order bytea null,
        create_time timestamptz(3) not null,
        primary key (order_id, revision)
      )`);
    for (const statement of outboxMigration) this.addSql(statement);
  }
}
