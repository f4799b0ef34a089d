import { Migration } from '@mikro-orm/migrations';

/** Used keys, and the ledger, which Postgres itself keeps append-only. */
export class CreateLedger extends Migration {
  override up(): void {
    this.addSql(`
      create table charge (
        key text collate "C" primary key,
        order_id text collate "C" not null,
        customer_id text not null,
        amount bigint not null,
        currency text not null,
        outcome text not null,
        transaction_id text not null,
        decline_code text not null,
        voided boolean not null,
        refund_key text collate "C" null constraint charge_refund_key_unique unique,
        refund_transaction_id text null
      )`);
    this.addSql(`
      create table ledger (
        sequence bigint primary key,
        kind text not null,
        charge_key text collate "C" not null,
        order_id text collate "C" not null,
        amount bigint not null,
        currency text not null,
        transaction_id text not null,
        create_time timestamptz(3) not null
      )`);
    this.addSql('create index ledger_order on ledger (order_id, sequence)');
    this.addSql(`
      create function ledger_append_only_fn() returns trigger language plpgsql as
      $$ begin raise exception 'the ledger is append-only'; end; $$`);
    this.addSql(`
      create trigger append_only before update or delete on ledger
        for each statement execute function ledger_append_only_fn()`);
    this.addSql(`
      create trigger never_emptied before truncate on ledger
        for each statement execute function ledger_append_only_fn()`);
  }
}
