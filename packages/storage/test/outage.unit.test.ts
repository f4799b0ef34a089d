import { expect, test } from 'vitest';
import { isPostgresOutage } from '../src/index.ts';

const withCode = (code: string) => Object.assign(new Error('failed'), { code });

test.each([
  ['a refused connection', withCode('ECONNREFUSED')],
  ['a broken connection', withCode('ECONNRESET')],
  ['a name that cannot be resolved now', withCode('EAI_AGAIN')],
  ['several addresses, none of which responds', new AggregateError([withCode('ECONNREFUSED')])],
  ['a connection exception', withCode('08006')],
  ['a deadlock', withCode('40P01')],
  ['too many connections', withCode('53300')],
  ['a full disk', withCode('53100')],
  ['a shutdown', withCode('57P01')],
  ['a transaction that was left idle for too long', withCode('25P03')],
  ['a primary that has become a standby', withCode('25006')],
  ['a role that may not log in', withCode('28000')],
  ['a password that was changed', withCode('28P01')],
  ['a right that was taken away', withCode('42501')],
  ['a database that does not exist', withCode('3D000')],
  ['a lock that was not to be had', withCode('55P03')],
  ['a start in progress', withCode('57P03')],
  ['an I/O error', withCode('58030')],
  ['a pool without a connection in time', new Error('timeout exceeded when trying to connect')],
  ['the cause of another error', new Error('not saved', { cause: withCode('57P01') })],
])('%s is an outage', (_, error) => {
  expect(isPostgresOutage(error)).toBe(true);
});

test.each([
  ['a statement that took too long', withCode('57014')],
  ['a duplicate', withCode('23505')],
  ['a value out of range', withCode('22003')],
  ['text with NUL', withCode('22021')],
  ['another invalid state of a transaction', withCode('25P02')],
  ['a missing table', withCode('42P01')],
  ['a bug', new TypeError('x is not a function')],
  ['a bug with a cause', new Error('outer', { cause: new Error('inner') })],
  ['an empty list of errors', new AggregateError([])],
  ['what is no error', { code: '57P01' }],
  ['nothing', undefined],
])('%s is not', (_, error) => {
  expect(isPostgresOutage(error)).toBe(false);
});
