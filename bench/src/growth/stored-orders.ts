import type { Stack } from '@orderflow/devstack';
import pg from 'pg';

/** Every table that grows with the orders, by its database, with the column that names the order. */
const tables: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  order_service: { orders: 'id', order_history: 'order_id', idempotency: 'request_id' },
  inventory: { reservation: 'order_id' },
  payment: { payment: 'order_id', payment_attempt: 'order_id' },
  gateway: { charge: 'order_id', ledger: 'order_id' },
};

/** Tables whose rows are deleted or changed again and again. What vacuum has left of them varies from round to round. */
const busyTables: Readonly<Record<string, readonly string[]>> = {
  order_service: ['outbox', 'relay_lease'],
  inventory: ['outbox', 'relay_lease', 'stock'],
  payment: ['outbox', 'relay_lease', 'waiting_charge'],
  gateway: ['ledger_head'],
};

/** The databases of the services that keep something for each order. */
export const databases = Object.keys(tables);

/** Stored orders have ids of one length, in the order of their age: a copy differs from its template in digits only. */
export const storedId = (number: number) => `stored-${String(number).padStart(7, '0')}`;
/** The seconds between two stored orders: a million are 23 days, less than responses are kept. */
const apartSeconds = 2;

/** The columns that hold the id of their order, perhaps with more, as text or inside of an encoded message. */
const idColumns = new Set([
  ...['id', 'order_id', 'request_id', 'key', 'charge_key', 'refund_key'],
  ...['enriched_order', 'answer'],
]);

/** Fills the services' databases with copies of orders that the services have processed. */
export interface StoredOrders {
  /** Empties the tables, and fills them with `count` orders. */
  store(count: number): Promise<void>;
  /** Vacuums the tables that are of the same size however many orders are stored. */
  vacuumOthers(): Promise<void>;
}

/** Keeps what the services have stored of the orders `storedId(0)` to `storedId(templates - 1)` as templates. */
export async function keepTemplates({ urls }: Stack, templates: number): Promise<StoredOrders> {
  const inDatabase = async (database: string, run: (client: pg.Client) => Promise<void>) => {
    const client = new pg.Client({ connectionString: `${urls.POSTGRES_URL}/${database}` });
    await client.connect();
    await run(client).finally(() => client.end());
  };
  const inEachTable = (run: (client: pg.Client, table: string, idColumn: string) => Promise<void>) =>
    Promise.all(
      Object.entries(tables).map(([database, ofDatabase]) =>
        inDatabase(database, async (client) => {
          // Triggers keep the append-only tables from being emptied.
          await client.query("set session_replication_role = 'replica'");
          for (const [table, idColumn] of Object.entries(ofDatabase)) await run(client, table, idColumn);
          await client.query('checkpoint');
        }),
      ),
    );

  await inEachTable(async (client, table, idColumn) => {
    await client.query('create schema if not exists template');
    await client.query(
      `create table template.${table} as
       select right(${idColumn}, 7)::int as template_number, ${idColumn} as template_id,
         row_number() over (partition by ${idColumn}) as template_row, t.* from ${table} t
       where ${idColumn} like 'stored-%'`,
    );
  });
  return {
    async store(count) {
      await inEachTable(async (client, table) => {
        const columns = await columnsOf(client, table);
        await client.query(`truncate ${table}`);
        await client.query(
          `insert into ${table} (${columns.map(({ name }) => name).join(', ')})
           select ${columns.map(copied).join(', ')}
           from generate_series(0, $1::int - 1) as n
           join template.${table} as t on t.template_number = n % $2
           cross join lateral (select 'stored-' || lpad(n::text, 7, '0') as new_id,
             ($1 - n) * interval '${apartSeconds} seconds' as older) as copy`,
          [count, templates],
        );
        await client.query(`vacuum (freeze, analyze) ${table}`);
      });
    },
    async vacuumOthers() {
      for (const [database, names] of Object.entries(busyTables)) {
        await inDatabase(database, async (client) => {
          for (const table of names) await client.query(`vacuum ${table}`);
        });
      }
    },
  };
}

interface Column {
  readonly name: string;
  readonly type: string;
}

async function columnsOf(client: pg.Client, table: string): Promise<Column[]> {
  const { rows } = await client.query<Column>(
    `select column_name as name, data_type as type from information_schema.columns
     where table_schema = 'public' and table_name = $1 order by ordinal_position`,
    [table],
  );
  return rows;
}

/** The value of a column in a copy: with the copy's id, and older. */
function copied({ name, type }: Column): string {
  // More than an order has movements of money.
  if (name === 'sequence') return 'n * 10 + template_row';
  // Customers become more as orders do: each has as many as among the templates.
  if (name === 'customer_id') return "t.customer_id || case when n < $2 then '' else '-' || n / $2 end";
  if (type === 'timestamp with time zone') return `t.${name} - older`;
  if (!idColumns.has(name)) return `t.${name}`;
  if (type === 'text') return `replace(t.${name}, template_id, new_id)`;
  const hex = (text: string) => `encode(convert_to(${text}, 'UTF8'), 'hex')`;
  return `decode(replace(encode(t.${name}, 'hex'), ${hex('template_id')}, ${hex('new_id')}), 'hex')`;
}
