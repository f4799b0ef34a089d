import { createPostgres } from '@orderflow/storage';
import type { Adapter } from 'oidc-provider';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrations } from '../src/migrations/index.ts';
import { SigningKeyRow, StoredModelRow } from '../src/outbound/postgres/entities.ts';
import { postgresModels } from '../src/outbound/postgres/model-adapter.ts';
import { quietLogger, testConfig } from './running-stub.ts';

const config = testConfig();
const { orm, database, component } = createPostgres({
  url: config.postgresUrl,
  database: `${config.databasePrefix}identity`,
  applicationName: 'test',
  entities: [SigningKeyRow, StoredModelRow],
  migrations,
  logger: quietLogger,
});

beforeAll(() => component.start());
afterAll(() => component.stop());

const adapterOf = (model: string): Adapter => postgresModels(database)(model) as Adapter;

test('the migrations make the tables that the entities describe', async () => {
  expect(await orm.schema.getUpdateSchemaSQL()).toBe('');
});

test('what is stored is found by its id, uid and user code, and only under its model', async () => {
  const [sessions, codes] = [adapterOf('Session'), adapterOf('DeviceCode')];
  await sessions.upsert('s-1', { uid: 'u-1', accountId: 'c-1' }, 60);
  await codes.upsert('d-1', { userCode: 'ABCD', grantId: 'g-1' }, 60);
  expect(await sessions.find('s-1')).toEqual({ uid: 'u-1', accountId: 'c-1' });
  expect(await sessions.findByUid('u-1')).toEqual({ uid: 'u-1', accountId: 'c-1' });
  expect(await codes.findByUserCode('ABCD')).toEqual({ userCode: 'ABCD', grantId: 'g-1' });
  expect(await codes.find('s-1')).toBeUndefined();
  expect(await codes.findByUid('u-1')).toBeUndefined();
  await sessions.upsert('s-1', { uid: 'u-2' }, 60);
  expect(await sessions.findByUid('u-1')).toBeUndefined();
  expect(await sessions.find('s-1')).toEqual({ uid: 'u-2' });
  await sessions.destroy('s-1');
  expect(await sessions.find('s-1')).toBeUndefined();
});

test('what is consumed says when, what is revoked is gone with its grant', async () => {
  const [codes, refresh] = [adapterOf('AuthorizationCode'), adapterOf('RefreshToken')];
  await codes.upsert('a-1', { grantId: 'g-2', kind: 'AuthorizationCode' }, 60);
  await codes.consume('a-1');
  expect(await codes.find('a-1')).toEqual({
    grantId: 'g-2',
    kind: 'AuthorizationCode',
    consumed: expect.any(Number),
  });
  await refresh.upsert('r-1', { grantId: 'g-2' }, 60);
  await refresh.upsert('r-2', { grantId: 'g-3' }, 60);
  await refresh.revokeByGrantId('g-2');
  expect(await refresh.find('r-1')).toBeUndefined();
  expect(await refresh.find('r-2')).toEqual({ grantId: 'g-3' });
  expect(await codes.find('a-1')).toBeDefined();
});

test('what has expired is not found, and is deleted when something else is written', async () => {
  const nonces = adapterOf('ReplayDetection');
  await nonces.upsert('kept', { iss: 'for ever' }, undefined as unknown as number);
  await nonces.upsert('old', { iss: 'one' }, 60);
  await database.query(
    `update stored_model set expire_time = clock_timestamp() - interval '1 second' where id = 'old'`,
  );
  expect(await nonces.find('old')).toBeUndefined();
  await nonces.upsert('new', { iss: 'other' }, 60);
  const rows = await database.query<{ id: string }>(
    `select id from stored_model where model = 'ReplayDetection' order by id`,
  );
  expect(rows.map(({ id }) => id)).toEqual(['kept', 'new']);
  expect(await nonces.find('kept')).toEqual({ iss: 'for ever' });
});
