import { Migration } from '@mikro-orm/migrations';

/** The number of the last movement, in a row that is locked to write the next one. */
export class NumberLedger extends Migration {
  override up(): void {
    this.addSql(`
      create table ledger_head (
        single boolean primary key check (single),
        last bigint not null
      )`);
    this.addSql('insert into ledger_head select true, coalesce(max(sequence), 0) from ledger');
  }
}
