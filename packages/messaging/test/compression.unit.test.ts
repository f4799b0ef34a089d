import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { KafkaMessage } from 'kafkajs';
import { expect, test } from 'vitest';
import { codecs, MAX_EXPANDED_BYTES, registerCodecs } from '../src/compression.ts';
import { decodable } from '../src/undecodable.ts';
import { javaBatches } from './java-batches.ts';

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder.js');
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js');
const murmur2 = require('kafkajs/src/producer/partitioners/default/murmur2.js');

const names = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
const LENGTH_BYTES = 4;
/** Where the attributes of a batch begin; the codec is in the second byte. */
const ATTRIBUTES = 21;
const RECORDS = 61;

/** The records of a fetch, as kafkajs decodes what a broker sends. */
async function decode(batches: Buffer, fetchedOffset = '0'): Promise<KafkaMessage[]> {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(batches.length);
  return (await decodeMessages(new Decoder(Buffer.concat([length, batches]))))(fetchedOffset);
}

const javaBatch = (name: keyof typeof javaBatches) => Buffer.from(javaBatches[name], 'base64');

test.for(names)('reads what the Java client compresses with %s', async (name) => {
  registerCodecs();
  const messages = await decode(javaBatch(name));
  const expected = Array.from({ length: 100 }, (_, index) => [
    String(index + 7),
    `k-${index}`,
    `value ${index} `.repeat(100),
  ]);
  expect(messages.map(({ offset, key, value }) => [offset, `${key}`, `${value}`])).toEqual(expected);
  expect((await decode(javaBatch(name), '50')).map(({ offset }) => offset)).toEqual(
    expected.slice(43).map(([offset]) => offset),
  );
});

test.for(names)('%s: what expands beyond the limit, or is broken, is an error', async (name) => {
  const { compress, decompress } = codecs[name];
  const data = randomBytes(100_000);
  expect((await decompress(await compress(data))).equals(data)).toBe(true);
  const bomb = await compress(Buffer.alloc(MAX_EXPANDED_BYTES + 1));
  await expect(decompress(bomb)).rejects.toThrow();
  await expect(decompress(Buffer.from('this was never compressed'))).rejects.toThrow();
  const whole = await compress(Buffer.from('some text, and some text, and some text'));
  await expect(decompress(Buffer.concat([whole.subarray(0, whole.length >> 1)]))).rejects.toThrow();
});

test('what cannot be decompressed ends its partition with the offsets of its batch; what came before is read', async () => {
  registerCodecs();
  const good = javaBatch('lz4');
  const broken = Buffer.from(javaBatch('lz4'));
  broken.writeBigInt64BE(107n, 0);
  broken.fill(0xff, RECORDS, RECORDS + 4);
  const read = decodable('orders', 2, await decode(Buffer.concat([good, broken, good])));
  expect(read.messages).toHaveLength(100);
  expect(read.undecodable).toMatchObject({
    name: 'UndecodableBatchError',
    message: 'orders/2: the record batch with the offsets 107 to 206 cannot be decoded: not an LZ4 frame',
    baseOffset: 107n,
    lastOffset: 206n,
  });
  const unknown = Buffer.from(javaBatch('gzip'));
  unknown.writeInt8(0, ATTRIBUTES + 1);
  const { messages, undecodable } = decodable('orders', 2, await decode(unknown));
  expect(messages).toEqual([]);
  expect(undecodable).toMatchObject({ baseOffset: 7n, lastOffset: 106n });
});

test('130,000 records in one batch come in parts, from the offset that is asked for', async () => {
  // Length, attributes, time, offset, key, value, headers: the offset takes up to three bytes.
  const record = (offset: number) => {
    const delta: number[] = [];
    for (let rest = offset * 2; ; rest >>>= 7) {
      delta.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    const body = [0, 0, ...delta, 1, 0, 0];
    return [body.length * 2, ...body];
  };
  const count = 130_000;
  const records = Buffer.concat(Array.from({ length: count }, (_, offset) => Buffer.from(record(offset))));
  const head = Buffer.from(javaBatch('gzip').subarray(0, RECORDS));
  head.writeBigInt64BE(0n, 0);
  head.writeInt32BE(RECORDS - 12 + records.length, 8);
  head.writeInt16BE(0, ATTRIBUTES);
  head.writeInt32BE(count - 1, ATTRIBUTES + 2);
  head.writeInt32BE(count, RECORDS - 4);
  const batch = Buffer.concat([head, records]);
  let next = 0;
  while (next < count) {
    const messages = await decode(batch, String(next));
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.length).toBeLessThanOrEqual(10_000);
    expect([messages[0]?.offset, messages.at(-1)?.offset]).toEqual([
      `${next}`,
      `${next + messages.length - 1}`,
    ]);
    next += messages.length;
  }
  expect(next).toBe(count);
});

test('keys belong where the Java client puts them, and a key of 1 MB is hashed at once', () => {
  // From the tests of the Java client.
  const hashes = {
    '21': -973_932_308,
    foobar: -790_332_482,
    'a-little-bit-long-string': -985_981_536,
    'a-little-bit-longer-string': -1_486_304_829,
    lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58_897_971,
    abc: 479_470_107,
  };
  for (const [key, hash] of Object.entries(hashes)) expect(murmur2(key)).toBe(hash);
  // It took minutes with integers that grow with the key: then this test runs into its limit.
  expect(murmur2(Buffer.alloc(1_000_000, 'ab'))).toEqual(expect.any(Number));
});
