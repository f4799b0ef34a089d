import { Migration } from '@mikro-orm/migrations';
import { appendOnlyMigration } from '@orderflow/storage';

/** Postgres refuses to change or delete rows of the history of orders. */
export class AppendOnly extends Migration {
  override up(): void {
    for (const statement of appendOnlyMigration('order_history')) this.addSql(statement);
  }
}
