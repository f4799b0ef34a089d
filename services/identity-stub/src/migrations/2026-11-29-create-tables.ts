import { Migration } from '@mikro-orm/migrations';

/** Keys that sign tokens, and whatever oidc-provider stores. */
export class CreateTables extends Migration {
  override up(): void {
    this.addSql(`
      create table signing_key (
        kid text collate "C" primary key,
        jwk jsonb not null,
        create_time timestamptz not null
      )`);
    this.addSql(`
      create table stored_model (
        model text collate "C" not null,
        id text collate "C" not null,
        payload jsonb not null,
        grant_id text null,
        uid text null,
        user_code text null,
        expire_time timestamptz null,
        primary key (model, id)
      )`);
    this.addSql('create index stored_model_grant on stored_model (grant_id)');
    this.addSql('create index stored_model_uid on stored_model (uid)');
    this.addSql('create index stored_model_user_code on stored_model (user_code)');
    this.addSql('create index stored_model_expire on stored_model (expire_time)');
  }
}
