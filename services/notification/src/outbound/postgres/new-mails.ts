import { byteaArray, type Database, intArray, type Sql, textArray } from '@orderflow/storage';
import type { NewMail } from '../../domain/draft.ts';
import type { MailToRender, NewMails, RenderResult } from '../../ports.ts';
import { fromDraftText, toDraftText } from './draft-text.ts';

/** Mails before they can be sent, in Postgres. */
export function postgresNewMails(database: Database): NewMails {
  return {
    insert: (mails, now) => insertMails(database, mails, now),

    async claim(now, until, limit) {
      const rows = await database.query<Omit<MailToRender, 'draft'> & { draft: string }>(
        `with due as (
           select id from mail where render_time <= $1 order by render_time limit $3 for update skip locked
         )
         update mail set render_time = $2 from due where mail.id = due.id
         returning mail.id, customer_id as "customerId", draft, postponed`,
        [now, until, limit],
      );
      return rows.map((row) => ({ ...row, draft: fromDraftText(row.draft) }));
    },

    async save(results, now) {
      await database.transaction(async (transaction) => {
        const rendered = results.filter((result) => result.kind === 'rendered');
        if (rendered.length > 0) transaction.write(...renderedUpdate(rendered, now));
        const waiting = results.filter((result) => result.kind !== 'rendered');
        if (waiting.length > 0) transaction.write(...waitingUpdate(waiting, now));
      });
    },
  };
}

/** In id order, so that two batches cannot deadlock. */
export async function insertMails(sql: Sql, mails: readonly NewMail[], now: Date): Promise<number> {
  const [inserted] = await sql.query<{ count: number }>(
    `with inserted as (
       insert into mail (id, order_id, customer_id, kind, state, subject, draft, last_detail,
         render_time, event_time, create_time, update_time)
       select id, order_id, customer_id, kind, case skip_reason when '' then 'NEW' else 'SKIPPED' end, subject, draft,
         skip_reason, case skip_reason when '' then $1::timestamptz end, to_timestamp(event_ms / 1000), $1, $1
       from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::float8[])
         as new(id, order_id, customer_id, kind, subject, draft, skip_reason, event_ms)
       order by id collate "C"
       on conflict do nothing
       returning 1)
     select count(*)::int as count from inserted`,
    [
      now,
      textArray(mails.map(({ id }) => id)),
      textArray(mails.map(({ draft }) => ('orderId' in draft ? draft.orderId : ''))),
      textArray(mails.map(({ customerId }) => customerId)),
      textArray(mails.map(({ draft }) => draft.kind)),
      textArray(mails.map(({ draft }) => ('subject' in draft ? draft.subject : ''))),
      textArray(mails.map(({ draft }) => toDraftText(draft))),
      textArray(mails.map(({ skipReason }) => skipReason ?? '')),
      mails.map(({ eventTime }) => eventTime.getTime()),
    ],
  );
  return inserted?.count ?? 0;
}

type Statement = [text: string, values: readonly unknown[]];

function renderedUpdate(
  rendered: readonly Extract<RenderResult, { kind: 'rendered' }>[],
  now: Date,
): Statement {
  return [
    `update mail set state = 'READY', recipient = new.recipient, subject = new.subject, body = new.body,
       message = new.message, last_detail = '', render_time = null, send_time = $1, give_up_time = new.give_up_time,
       update_time = $1
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::timestamptz[])
       as new(id, recipient, subject, body, message, give_up_time)
     where mail.id = new.id and mail.state = 'NEW'`,
    [
      now,
      textArray(rendered.map(({ id }) => id)),
      textArray(rendered.map(({ recipient }) => recipient)),
      textArray(rendered.map(({ subject }) => storable(subject))),
      textArray(rendered.map(({ text }) => storable(text))),
      byteaArray(rendered.map(({ message }) => message)),
      rendered.map(({ giveUpTime }) => giveUpTime),
    ],
  ];
}

function waitingUpdate(
  results: readonly Exclude<RenderResult, { kind: 'rendered' }>[],
  now: Date,
): Statement {
  return [
    `update mail set state = case when new.until is null then 'SKIPPED' else 'NEW' end, last_detail = new.detail,
       render_time = new.until, postponed = mail.postponed + new.times, update_time = $1
     from unnest($2::text[], $3::text[], $4::timestamptz[], $5::int[]) as new(id, detail, until, times)
     where mail.id = new.id and mail.state = 'NEW'`,
    [
      now,
      textArray(results.map(({ id }) => id)),
      textArray(results.map(({ detail }) => detail)),
      results.map((result) => (result.kind === 'postponed' ? result.until : null)),
      intArray(results.map(({ kind }) => (kind === 'postponed' ? 1 : 0))),
    ],
  ];
}

/** Postgres accepts no NUL; only the shown text loses it. */
function storable(text: string): string {
  return text.replaceAll('\0', '');
}
