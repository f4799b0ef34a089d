import { Migration } from '@mikro-orm/migrations';
import { appendOnlyMigration } from '@orderflow/storage';

/** Postgres refuses to change or delete rows that say who changed the stock. */
export class AppendOnly extends Migration {
  override up(): void {
    for (const statement of appendOnlyMigration('stock_adjustment')) this.addSql(statement);
  }
}
