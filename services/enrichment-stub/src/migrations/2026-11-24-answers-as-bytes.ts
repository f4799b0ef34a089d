import { Migration } from '@mikro-orm/migrations';
import { idempotencyMigration } from '@orderflow/storage';

/** Stores responses of repeatable requests as bytes; earlier ones are deleted. */
export class ResponsesAsBytes extends Migration {
  override up(): void {
    this.addSql('drop table idempotency');
    for (const statement of idempotencyMigration) this.addSql(statement);
  }
}
