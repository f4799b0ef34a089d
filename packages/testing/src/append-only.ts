/**
 * Tries to change, delete and empty the rows of a table, one row, all rows and none, and returns the messages of the
 * errors, each once. A statement that Postgres carries out throws.
 */
export async function refusedChanges(
  database: { query(sql: string): Promise<unknown> },
  table: string,
  column: string,
): Promise<string[]> {
  const oneRow = `ctid = (select ctid from ${table} limit 1)`;
  const statements = [
    `update ${table} set ${column} = ${column}`,
    `update ${table} set ${column} = ${column} where ${oneRow}`,
    `update ${table} set ${column} = ${column} where false`,
    `delete from ${table}`,
    `delete from ${table} where ${oneRow}`,
    `delete from ${table} where false`,
    `truncate ${table}`,
  ];
  const messages = new Set<string>();
  for (const statement of statements) {
    const error = await database.query(statement).then(
      () => new Error(`Postgres has carried out: ${statement}`),
      (refusal: Error) => messages.add(refusal.message),
    );
    if (error instanceof Error) throw error;
  }
  return [...messages];
}
