import { Migration } from '@mikro-orm/migrations';

/** The currency of every amount in this database: one row, written once. */
export class OneCurrency extends Migration {
  override up(): void {
    this.addSql(`
      create table currency (
        is_only_row boolean primary key default true check (is_only_row),
        code text not null
      )`);
  }
}
