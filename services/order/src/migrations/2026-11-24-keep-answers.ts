import { Migration } from '@mikro-orm/migrations';
import { idempotencyMigration } from '@orderflow/storage';

/** Stored responses of repeatable requests. */
export class KeepAnswers extends Migration {
  override up(): void {
    for (const statement of idempotencyMigration) this.addSql(statement);
  }
}
