import { Migration } from '@mikro-orm/migrations';

/**
 * Indexes for ListOrders by a rare state, or by needs_attention. Writers of orders wait while they are built: seconds
 * for a million orders. With many more, build them before with `concurrently`; see docs/operations.md.
 */
export class ListByState extends Migration {
  override up(): void {
    this.addSql('create index if not exists orders_state_create_time on orders (state, create_time, id)');
    this.addSql(`create index if not exists orders_attention_create_time on orders (create_time, id)
      where needs_attention is not null`);
    // No query uses this order.
    this.addSql('drop index orders_state');
  }
}
