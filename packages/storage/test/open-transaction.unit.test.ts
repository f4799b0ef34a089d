import type pg from 'pg';
import { expect, test } from 'vitest';
import { OpenTransaction } from '../src/open-transaction.ts';

/** A connection whose responses the test sends, in order, as the server does. */
function fakeConnection() {
  const sent: string[] = [];
  const pending: PromiseWithResolvers<{ command: string; rows: unknown[] }>[] = [];
  const query = (text: string) => {
    sent.push(text);
    const response = Promise.withResolvers<{ command: string; rows: unknown[] }>();
    pending.push(response);
    return response.promise;
  };
  return {
    sent,
    connection: { query } as unknown as pg.ClientBase,
    respond: (command = '') => pending.shift()?.resolve({ command, rows: [] }),
    fail: (message: string) => pending.shift()?.reject(new Error(message)),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('reads are sent with BEGIN; its failure is theirs, and nothing is sent after it', async () => {
  const { connection, sent, respond, fail } = fakeConnection();
  const transaction = new OpenTransaction(connection);
  const reads = Promise.allSettled([transaction.query('select 1'), transaction.query(' SELECT 2')]);
  const write = transaction.query('insert 3').catch((error: unknown) => error);
  await turn();
  expect(sent).toEqual(['begin', 'select 1', ' SELECT 2']);

  fail('no memory');
  respond();
  respond();
  expect((await reads).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await write).toMatchObject({ message: 'no memory' });
  await expect(transaction.commit()).rejects.toThrow('no memory');
  expect(sent).toHaveLength(3);
});

test('a read after a statement that waits for BEGIN does not overtake it', async () => {
  const { connection, sent, respond } = fakeConnection();
  const transaction = new OpenTransaction(connection);
  const both = Promise.all([transaction.query('insert 1'), transaction.query('select 2')]);
  await turn();
  expect(sent).toEqual(['begin']);
  for (let n = 0; n < 3; n += 1) {
    respond();
    await turn();
  }
  await both;
  expect(sent).toEqual(['begin', 'insert 1', 'select 2']);
});

test('COMMIT that the server turns into a rollback is an error', async () => {
  const { connection, respond } = fakeConnection();
  const transaction = new OpenTransaction(connection);
  const committed = transaction.commit();
  respond('BEGIN');
  await turn();
  respond('ROLLBACK');
  await expect(committed).rejects.toThrow('was rolled back');
});

test('a statement that waits for BEGIN is sent before COMMIT, and not after ROLLBACK', async () => {
  const committing = fakeConnection();
  const transaction = new OpenTransaction(committing.connection);
  const written = transaction.query('insert 1');
  const committed = transaction.commit();
  for (const command of ['BEGIN', 'INSERT', 'COMMIT']) {
    committing.respond(command);
    await turn();
  }
  await Promise.all([written, committed]);
  expect(committing.sent).toEqual(['begin', 'insert 1', 'commit']);

  const failing = fakeConnection();
  const other = new OpenTransaction(failing.connection);
  const late = other.query('insert 1').catch((error: unknown) => error);
  const rolledBack = other.rollback();
  for (const command of ['BEGIN', 'ROLLBACK']) {
    failing.respond(command);
    await turn();
  }
  await rolledBack;
  expect(await late).toMatchObject({ message: 'the transaction has ended' });
  expect(() => other.write('insert 2', [])).toThrow('the transaction has ended');
  expect(failing.sent).toEqual(['begin', 'rollback']);
});
