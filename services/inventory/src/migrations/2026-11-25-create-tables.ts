import { Migration } from '@mikro-orm/migrations';
import { outboxMigration } from '@orderflow/messaging';
import { idempotencyMigration } from '@orderflow/storage';

/** Stock with its audit, reservations, stored responses of repeatable requests, and the outbox. */
export class CreateTables extends Migration {
  override up(): void {
    this.addSql(`
      create table stock (
        product_id text collate "C" primary key,
        on_hand bigint not null,
        reserved bigint not null,
        committed bigint not null,
        update_time timestamptz(3) not null,
        constraint stock_not_negative check (reserved >= 0 and reserved <= on_hand and committed >= 0)
      )`);
    this.addSql(`
      create table stock_adjustment (
        id bigint generated always as identity primary key,
        product_id text collate "C" not null,
        delta bigint not null,
        on_hand bigint not null,
        reason text not null,
        caller_id text not null,
        create_time timestamptz(3) not null
      )`);
    this.addSql('create index stock_adjustment_product on stock_adjustment (product_id, id)');
    this.addSql(`
      create table reservation (
        order_id text collate "C" primary key,
        state text not null,
        lines jsonb not null,
        customer_id text null,
        total bigint null,
        currency text null,
        create_time timestamptz(3) not null,
        update_time timestamptz(3) not null
      )`);
    for (const statement of [...outboxMigration, ...idempotencyMigration]) this.addSql(statement);
  }
}
