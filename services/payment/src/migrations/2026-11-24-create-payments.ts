import { Migration } from '@mikro-orm/migrations';
import { outboxMigration } from '@orderflow/messaging';
import { idempotencyMigration } from '@orderflow/storage';

/** Payments, the calls made for them, stored responses of repeatable requests, and the outbox. */
export class CreatePayments extends Migration {
  override up(): void {
    this.addSql(`
      create table payment (
        order_id text collate "C" primary key,
        customer_id text not null,
        amount bigint not null check (amount >= 0),
        currency text not null,
        state text not null,
        cancel_requested boolean not null,
        completed boolean not null,
        key_number int not null,
        tries int not null check (tries >= 0),
        unknown int not null check (unknown >= 0),
        attempts int not null,
        transaction_id text not null,
        fail_reason text null,
        decline_code text not null,
        refund_reason text not null,
        next_attempt_time timestamptz(3) null,
        answer_time timestamptz(3) null,
        traceparent text null,
        create_time timestamptz(3) not null,
        update_time timestamptz(3) not null
      )`);
    this.addSql(
      'create index payment_due on payment (next_attempt_time) where next_attempt_time is not null',
    );
    this.addSql('create index payment_customer on payment (customer_id, create_time, order_id)');
    this.addSql('create index payment_create_time on payment (create_time, order_id)');
    this.addSql(`
      create table payment_attempt (
        order_id text collate "C" not null,
        number int not null,
        kind text not null,
        key text not null,
        outcome text null,
        detail text not null,
        create_time timestamptz(3) not null,
        end_time timestamptz(3) null,
        primary key (order_id, number)
      )`);
    for (const statement of [...idempotencyMigration, ...outboxMigration]) this.addSql(statement);
  }
}
