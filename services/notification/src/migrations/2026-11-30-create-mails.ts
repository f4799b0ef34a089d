import { Migration } from '@mikro-orm/migrations';
import { idempotencyMigration } from '@orderflow/storage';

/** Mails, and stored responses of repeatable requests. */
export class CreateMails extends Migration {
  override up(): void {
    this.addSql(`
      create table mail (
        id text collate "C" primary key,
        order_id text not null,
        customer_id text not null,
        kind text not null,
        state text not null,
        draft text null,
        recipient text not null default '',
        subject text not null default '',
        body text not null default '',
        message bytea null,
        postponed int not null default 0,
        attempts int not null default 0,
        unknown int not null default 0,
        last_detail text not null default '',
        render_time timestamptz(3) null,
        send_time timestamptz(3) null,
        give_up_time timestamptz(3) null,
        event_time timestamptz(3) not null,
        create_time timestamptz(3) not null,
        update_time timestamptz(3) not null
      )`);
    this.addSql('create index mail_to_render on mail (render_time) where render_time is not null');
    this.addSql('create index mail_to_send on mail (send_time) where send_time is not null');
    this.addSql('create index mail_content on mail (create_time) where draft is not null');
    this.addSql('create index mail_order on mail (order_id, create_time, id)');
    this.addSql('create index mail_customer on mail (customer_id, create_time, id)');
    this.addSql('create index mail_state on mail (state, create_time, id)');
    this.addSql('create index mail_create_time on mail (create_time, id)');
    for (const statement of idempotencyMigration) this.addSql(statement);
  }
}
