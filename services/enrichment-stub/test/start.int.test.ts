import { Code } from '@connectrpc/connect';
import { errorReason } from '@orderflow/rpc';
import { createPostgres } from '@orderflow/storage';
import { createProxy, eventually, testStack } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { entities } from '../src/outbound/postgres/entities.ts';
import {
  isReady,
  openDatabase,
  quietLogger,
  readCustomerEvents,
  runStub,
  testConfig,
} from './running-stub.ts';

const changed = { customerId: 'c-1', name: 'Changed', email: 'changed@example.com', active: false };

test('two instances that start at once on an empty server share one database', async () => {
  const config = testConfig();
  const [one, other] = await Promise.all([runStub(config), runStub(config)]);
  await one.customers.updateCustomer({ customer: changed });
  const { customer } = await other.customers.getCustomer({ customerId: 'c-1' });
  expect(customer).toMatchObject({ ...changed, version: 2n });
  await Promise.all([one.stop(), other.stop()]);
});

test('a restart keeps what was changed, and publishes nothing but changes', async () => {
  const config = testConfig();
  const before = await runStub(config);
  await before.customers.updateCustomer({ customer: changed });
  await before.stop();
  const after = await runStub(config);
  expect((await after.customers.getCustomer({ customerId: 'c-1' })).customer).toMatchObject(changed);
  await after.customers.updateCustomer({ customer: { ...changed, customerId: 'c-2' } });
  const events = await readCustomerEvents(config);
  await eventually(() => events.records.some((record) => record.headers['ce_id'] === 'c-2/2'));
  expect(events.records.map((record) => record.headers['ce_id']).sort()).toEqual(['c-1/2', 'c-2/2']);
  await events.stop();
  await after.stop();
});

test('the migrations make the tables that the entities describe', async () => {
  await using database = await openDatabase(testConfig());
  expect(await database.orm.schema.getUpdateSchemaSQL()).toBe('');
  // The comparison leaves collations out.
  const ids = await database.query(
    `select column_name, collation_name from information_schema.columns
     where (table_name, column_name) in (('customer', 'customer_id'), ('product', 'product_id')) order by 1`,
  );
  expect(ids).toEqual([
    { column_name: 'customer_id', collation_name: 'C' },
    { column_name: 'product_id', collation_name: 'C' },
  ]);
});

test('processes of the version before seed, insert and update beside this one', async () => {
  const config = testConfig();
  const stub = await runStub(config);
  const { database, component } = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}enrichment`,
    applicationName: 'test',
    entities,
    migrations: [],
    logger: quietLogger,
  });
  // The statements of that version.
  const old = { customer_id: 'c-old', name: 'Old', email: 'old@example.com', active: true, version: 1 };
  const time = new Date().toISOString();
  await database.query(
    `insert into customer select * from json_populate_recordset(null::customer, $1) on conflict do nothing`,
    [JSON.stringify([{ ...old, create_time: time, update_time: time }])],
  );
  expect((await stub.customers.getCustomer({ customerId: 'c-old' })).customer).toMatchObject({
    name: 'Old',
    address: '',
  });
  const content = { name: 'Old', email: 'old@example.com', address: '1 Mill Lane' };
  await stub.customers.putCustomer({ customer: { customerId: 'c-old', ...content } });
  await database.query(
    `update customer set name = $2, email = $3, active = $4, version = $5, update_time = $6
     where customer_id = $1`,
    ['c-old', 'Older', 'old@example.com', true, 3, new Date()],
  );
  expect((await stub.customers.getCustomer({ customerId: 'c-old' })).customer).toMatchObject({
    name: 'Older',
    address: '1 Mill Lane',
    version: 3n,
  });
  await component.stop();
  await stub.stop();
});

test('without Kafka it starts, is ready, reads and writes; the events are published once Kafka is there', async () => {
  const config = testConfig();
  const alone = await runStub({ ...config, kafkaBrokers: ['127.0.0.1:1'] });
  expect(await isReady(alone)).toBe(true);
  expect((await alone.customers.batchGetCustomers({ customerIds: ['c-1'] })).customers).toHaveLength(1);
  await alone.customers.updateCustomer({ customer: changed });
  await alone.stop();

  const connected = await runStub(config);
  const events = await readCustomerEvents(config);
  await eventually(() => events.records.some((record) => record.headers['ce_id'] === 'c-1/2'));
  await events.stop();
  await connected.stop();
});

test('without Postgres it is not ready and calls are UNAVAILABLE, until Postgres is back', async () => {
  const url = new URL(testStack().urls.POSTGRES_URL);
  await using proxy = await createProxy({ target: Number(url.port) });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  const stub = await runStub(testConfig({ POSTGRES_URL: url.href.replace(/\/$/, '') }));
  const read = () => stub.customers.getCustomer({ customerId: 'c-1' });
  await read();
  expect(await isReady(stub)).toBe(true);

  await proxy.refuse();
  const error = await read().then(
    () => expect.unreachable('the call should have failed'),
    (reason: { code: Code }) => reason,
  );
  expect([error.code, errorReason(error)]).toEqual([Code.Unavailable, 'DEPENDENCY_UNAVAILABLE']);
  const write = stub.customers.updateCustomer({ customer: changed });
  await expect(write).rejects.toMatchObject({ code: Code.Unavailable });
  await eventually(async () => !(await isReady(stub)));

  await proxy.heal();
  await eventually(() => isReady(stub));
  expect((await read()).customer?.version).toBe(1n);
  await stub.stop();
});
