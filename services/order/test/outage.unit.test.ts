import {
  type AnyError,
  type BulkWriteResult,
  MongoBulkWriteError,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoServerError,
  type WriteError,
} from 'mongodb';
import { describe, expect, test } from 'vitest';
import { isOutage, isRefusedDocument, isTooLarge } from '../src/outbound/outage.ts';

const response = (code: number) => new MongoServerError({ message: 'refused', errmsg: 'refused', code });

/** A bulk write of which some documents could not be written. */
function partly(...codes: number[]): Error {
  const writeErrors = codes.map((code, index) => ({ code, index, errmsg: 'refused' }) as WriteError);
  const error = { message: 'refused', code: codes[0] ?? 0, writeErrors };
  return new MongoBulkWriteError(error, {} as BulkWriteResult);
}

/** A bulk write that failed as a whole. */
function wholly(error: AnyError): Error {
  return new MongoBulkWriteError(error, {} as BulkWriteResult);
}

describe('an outage of MongoDB is', () => {
  test.each([
    ['a broken connection', new MongoNetworkError('connection closed')],
    ['a broken connection under a bulk write', wholly(new MongoNetworkError('connection closed'))],
    ['a command that we may not give', response(13)],
    ['a password that was changed', response(18)],
    ['a bulk write that we may not make', wholly(response(13))],
    ['a server that is no primary any more', response(10_107)],
    ['a primary that steps down in the middle', partly(189, 189)],
    ['a full disk', partly(14_031, 14_031, 14_031)],
    ['a full disk, whatever else is wrong with single documents', partly(121, 14_031)],
  ])('%s', (_, error) => {
    expect([isOutage(error), isRefusedDocument(error)]).toEqual([true, false]);
  });

  test.each([
    ['a document that a validator refuses', partly(121)],
    ['a document that is there', partly(11_000)],
    ['a document that is too large', partly(10_334)],
    ['a document that the driver does not send', new MongoInvalidArgumentError('too large')],
    ['a bug', new TypeError('x is not a function')],
  ])('not %s', (_, error) => {
    expect(isOutage(error)).toBe(false);
  });
});

test('a document is refused for its size, or for something else', () => {
  const sizes = [
    partly(10_334),
    partly(17_419),
    wholly(response(10_334)),
    new MongoInvalidArgumentError('too large'),
    new RangeError('out of range'),
  ];
  for (const error of sizes) expect([isRefusedDocument(error), isTooLarge(error)]).toEqual([true, true]);
  expect([isRefusedDocument(partly(121)), isTooLarge(partly(121))]).toEqual([true, false]);
  expect(isRefusedDocument(wholly(response(2)))).toBe(false);
});
