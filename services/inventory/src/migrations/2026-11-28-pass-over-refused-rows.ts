import { Migration } from '@mikro-orm/migrations';
import { outboxSendableMigration } from '@orderflow/messaging';

/** Lets the relay skip rows that the broker refuses without reading them. */
export class PassOverRefusedRows extends Migration {
  override up(): void {
    this.addSql(outboxSendableMigration);
  }
}
