import { Migration } from '@mikro-orm/migrations';
import { outboxMigration } from '@orderflow/messaging';

/** Customers, products, stored responses of repeatable requests, and the outbox. */
export class CreateTables extends Migration {
  override up(): void {
    this.addSql(`
      create table customer (
        customer_id text collate "C" primary key,
        name text not null,
        email text not null,
        active boolean not null,
        version bigint not null,
        create_time timestamptz(3) not null,
        update_time timestamptz(3) not null
      )`);
    this.addSql(`
      create table product (
        product_id text collate "C" primary key,
        sku text not null constraint product_sku_unique unique,
        name text not null,
        description text not null,
        price bigint not null,
        currency_code text not null,
        state text not null,
        version bigint not null,
        update_time timestamptz(3) not null
      )`);
    this.addSql(`
      create table idempotency (
        caller_id text not null,
        method text not null,
        request_id text not null,
        content_hash bytea not null,
        answer jsonb null,
        create_time timestamptz(3) not null,
        primary key (caller_id, method, request_id)
      )`);
    this.addSql('create index idempotency_create_time_index on idempotency (create_time)');
    for (const statement of outboxMigration) this.addSql(statement);
  }
}
