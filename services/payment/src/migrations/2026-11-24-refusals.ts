import { Migration } from '@mikro-orm/migrations';

/** The gateway's refusals to undo a charge, who settled them, and who requested a refund. */
export class Refusals extends Migration {
  override up(): void {
    // The defaults remain: processes of the previous version still write rows without these columns.
    this.addSql(`
      alter table payment
        add column refund_caller_id text not null default '',
        add column refund_time timestamptz(3) null,
        add column problem text not null default '',
        add column refused_call int not null default 0,
        add column settle_reason text not null default '',
        add column settle_caller_id text not null default '',
        add column settle_time timestamptz(3) null`);
  }
}
