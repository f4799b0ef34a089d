import { Migration } from '@mikro-orm/migrations';
import { appendOnlyMigration } from '@orderflow/storage';

/** The ledger stays append-only; the error now names the table and says what to do instead. */
export class AppendOnly extends Migration {
  override up(): void {
    for (const statement of appendOnlyMigration('ledger')) this.addSql(statement);
  }
}
