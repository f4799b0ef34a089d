import type { IHeaders } from 'kafkajs';
import { expect, test } from 'vitest';
import { contentDigest } from '../src/content-digest.ts';
import { OversizedHeaders } from '../src/oversized-headers.ts';

/** As records have numbers: up to 8,191 here. */
const varInt = (value: number) => {
  const raw = value < 0 ? -2 * value - 1 : 2 * value;
  return Buffer.from(raw < 0x80 ? [raw] : [(raw & 0x7f) | 0x80, raw >> 7]);
};

function encoded(headers: readonly (readonly [string, string | Buffer | null])[]): OversizedHeaders {
  const parts = headers.flatMap(([name, value]) => [
    varInt(Buffer.byteLength(name)),
    Buffer.from(name),
    varInt(value === null ? -1 : Buffer.byteLength(value)),
    Buffer.from(value ?? ''),
  ]);
  return new OversizedHeaders(Buffer.concat([varInt(headers.length), ...parts]), headers.length, 0);
}

const given = [
  ['b', 'x'],
  ['7', 'seven'],
  ['__proto__', Buffer.from([0xff])],
  ['b', null],
  ['dlq_attempt', '1'],
  ['', ''],
  ['größe', 'ß'.repeat(2_000)],
  ['dlq_attempt', '2'],
  ['b', 'y'],
  ['dlq_attempt', null],
] as const;

test('headers that stay bytes have the texts of decoded ones', () => {
  const headers = encoded(given);
  expect(headers.text('7')).toBe('seven');
  expect(headers.text('b')).toBe('y');
  expect(headers.text('')).toBe('');
  expect(headers.text('größe')).toBe('ß'.repeat(2_000));
  expect(headers.text('missing')).toBeUndefined();
});

test('and the digest of decoded ones', () => {
  const decoded: IHeaders = Object.create(null);
  for (const [name, value] of given) {
    const known = decoded[name];
    const one = value as string | Buffer;
    if (!(name in decoded)) decoded[name] = one;
    else decoded[name] = [...(Array.isArray(known) ? known : [known as string]), one];
  }
  const content = { key: Buffer.alloc(70_000, 'k'), value: null };
  const digest = contentDigest({ ...content, rawHeaders: decoded });
  expect(contentDigest({ ...content, rawHeaders: {}, oversizedHeaders: encoded(given) })).toBe(digest);
  expect(contentDigest({ ...content, rawHeaders: {} })).not.toBe(digest);
});
