/** What keeps a table append-only, as the table's entity describes it. */
export interface AppendOnlyTrigger {
  readonly name: string;
  readonly timing: 'before';
  readonly events: ('update' | 'delete')[];
  readonly forEach: 'statement';
  readonly body: string;
}

/**
 * The trigger of an append-only table, for `triggers` of its entity. It refuses every UPDATE and DELETE, also one that
 * matches no row. It costs an INSERT nothing, and takes effect before `on conflict do update`.
 */
export function appendOnlyTrigger(table: string): AppendOnlyTrigger {
  // A violated constraint, so that callers do not take it for an outage and repeat it.
  const body =
    `raise exception 'table ${table} is append-only: its rows say what has happened; ` +
    "correct a wrong row by a new one' using errcode = 'restrict_violation';";
  return { name: 'append_only', timing: 'before', events: ['update', 'delete'], forEach: 'statement', body };
}

/**
 * The statements of a service's migration that make a table append-only: Postgres refuses UPDATE, DELETE and TRUNCATE,
 * and the error names the table. Writers wait while it takes effect, for no longer than the transactions that have
 * written to the table take to end.
 */
export function appendOnlyMigration(table: string): readonly string[] {
  const { name, body } = appendOnlyTrigger(table);
  // The name by which the mapper finds a trigger's function. It does not see triggers of TRUNCATE.
  const refuse = `${table}_${name}_fn`;
  return [
    `create or replace function ${refuse}() returns trigger language plpgsql as $$ begin ${body} end; $$`,
    `create or replace trigger ${name} before update or delete on ${table}
      for each statement execute function ${refuse}()`,
    `create or replace trigger never_emptied before truncate on ${table}
      for each statement execute function ${refuse}()`,
  ];
}
