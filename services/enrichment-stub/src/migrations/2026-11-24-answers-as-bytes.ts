import { Migration } from '@mikro-orm/migrations';
import { idempotencyMigration } from '@orderflow/storage';

/** Answers to repeatable requests as the bytes of the response; those kept so far are forgotten. */
export class AnswersAsBytes extends Migration {
  override up(): void {
    this.addSql('drop table idempotency');
    for (const statement of idempotencyMigration) this.addSql(statement);
  }
}
