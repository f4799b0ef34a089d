import type { Sql } from '@orderflow/storage';

/** Below the 1 MiB that a broker accepts as one batch by default. */
const MAX_SEND_BYTES = 786_432;
/** Up to this many bytes of values are read at once; a larger row is read alone. */
const MAX_READ_BYTES = 8_388_608;

export interface OutboxRow {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Record<string, string>;
}

/**
 * Selects the rows with the lowest ids: transactions commit out of id order, so a cursor would skip rows. $1: rows,
 * $2: excluded topics, $3: bytes, $4: excluded ids. It reads the index of rows that are not refused; while no row is
 * refused, that is enough. With refused rows, each row is checked against them: later rows of their keys are excluded.
 */
export const lowestRowsSql = `
  select id, topic, key, value, headers
  from (
    select o.*, sum(octet_length(value)) over (order by id rows unbounded preceding) - octet_length(value) as bytes_before
    from (
      select id, topic, key, value, headers from outbox o
      where failed_time is null and topic <> all ($2::text[])
        and id not in (select unnest($4::bigint[]))
        and (
          (select true from outbox where failed_time is not null order by topic, key, id limit 1) is null
          or (
            select true from outbox f
            where f.failed_time is not null and f.topic = o.topic and f.key = o.key and f.id < o.id
            order by topic, key, id limit 1
          ) is null
        )
      order by id limit $1
    ) o
  ) look
  where bytes_before < $3
  order by id`;

/** Reads the rows to send next, at most `limit`, without those of `unusableTopics` and without the ids in `sent`. */
export function lowestRows(
  sql: Sql,
  limit: number,
  unusableTopics: readonly string[],
  sent: readonly string[],
): Promise<OutboxRow[]> {
  return sql.query<OutboxRow>(lowestRowsSql, [limit, unusableTopics, MAX_READ_BYTES, sent]);
}

/** Whether the read returned all rows, rather than as many as one read may return. */
export function isAll(rows: readonly OutboxRow[], limit: number): boolean {
  return rows.length < limit && rows.reduce((sum, { value }) => sum + value.length, 0) < MAX_READ_BYTES;
}

/** The scope of ordering: a topic and a key. */
export function keyOf(row: OutboxRow): string {
  return JSON.stringify([row.topic, row.key]);
}

/** Splits rows into chunks that are sent at once. */
export function chunks(rows: OutboxRow[]): OutboxRow[][] {
  const all: OutboxRow[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    let size = row.value.length + row.key.length;
    for (const name in row.headers) size += name.length + (row.headers[name]?.length ?? 0);
    bytes += size;
    if (bytes > MAX_SEND_BYTES) {
      all.push([]);
      bytes = size;
    }
    all.at(-1)?.push(row);
  }
  return all;
}
