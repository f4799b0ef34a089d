import { Migration } from '@mikro-orm/migrations';

/**
 * The postal address of customers. It may be null: processes of the version before, which run beside this one during a
 * roll-out, insert all columns of the table when they seed it, with null for those that they do not know.
 */
export class AddAddress extends Migration {
  override up(): void {
    this.addSql('alter table customer add column address text null');
  }
}
