import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type MessageInitShape,
  ScalarType,
  toBinary,
  toJsonString,
} from '@bufbuild/protobuf';
import fc from 'fast-check';

/** Encoded bytes of a message: valid ones, ones that only look valid, and damaged ones. */
export interface EncodedMessage {
  readonly format: 'proto' | 'json';
  readonly bytes: Uint8Array;
}

const MAX_DEPTH = 4;

/** Sensible values of a text field by its name; the first matching pattern applies. */
const sensible: readonly (readonly [RegExp, readonly string[]])[] = [
  [/customerId/i, ['c-1', 'c-2', 'c-50', 'c-nobody']],
  [/orderId/i, ['fz-1', 'fz-2', 'fz-3']],
  [/paymentId/i, ['fz-1']],
  [/productId/i, ['p-1', 'p-2', 'p-50']],
  [/sku/i, ['LAPTOP001', 'MOUSE001']],
  [/currencyCode/, ['USD']],
  [/email/i, ['ada@example.com']],
  [/pageToken/, ['']],
  [/requestId/i, ['r-1', 'r-2', 'r-3']],
  [/key/i, ['fz-1:1', 'fz-2:1']],
  [/service/, ['', 'grpc.health.v1.Health']],
];

/** Texts that often expose bugs. */
const hostileTexts = fc.oneof(
  { weight: 2, arbitrary: fc.string({ maxLength: 70 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 70 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      '\0',
      'a\0b',
      '__proto__',
      'constructor',
      '日'.repeat(100),
      'x'.repeat(5_000),
      '\u202e',
      '../..',
      "'; drop table orders; --",
      '%00',
      '%',
      '\r\nx: y',
      'uMJa6A-nupdudWxs',
      'e30',
      '2025-02-30T00:00:00Z',
      '-0',
      '1e400',
      'NaN',
    ),
  },
);

const integers = [
  0n,
  1n,
  2n,
  -1n,
  100n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const floats = [0, -0, 1, -1, 0.1, 1e308, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** How the content of a message is generated: mostly sensible, or hostile. */
type Mood = 'sensible' | 'hostile';

function text(field: DescField, mood: Mood): fc.Arbitrary<string> {
  const known = sensible.find(([pattern]) => pattern.test(field.localName))?.[1] ?? ['because'];
  const weights = mood === 'sensible' ? [30, 1] : [1, 2];
  return fc.oneof(
    { weight: weights[0] as number, arbitrary: fc.constantFrom(...known) },
    { weight: weights[1] as number, arbitrary: hostileTexts },
  );
}

function scalar(type: ScalarType, field: DescField, mood: Mood): fc.Arbitrary<unknown> {
  if (type !== ScalarType.STRING && mood === 'sensible') {
    return fc.oneof(
      { weight: 10, arbitrary: sensibleNumber(type) },
      { weight: 1, arbitrary: scalar(type, field, 'hostile') },
    );
  }
  const within = (from: bigint, to: bigint) => integers.filter((value) => value >= from && value <= to);
  const small = (from: bigint, to: bigint) => fc.constantFrom(...within(from, to).map(Number));
  switch (type) {
    case ScalarType.STRING:
      return text(field, mood);
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 100 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return fc.constantFrom(...floats.filter((value) => type === ScalarType.DOUBLE || value !== 1e308));
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return small(-(2n ** 31n), 2n ** 31n - 1n);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return small(0n, 2n ** 32n - 1n);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return fc.constantFrom(...within(0n, 2n ** 64n - 1n));
    default:
      return fc.constantFrom(...within(-(2n ** 63n), 2n ** 63n - 1n));
  }
}

function sensibleNumber(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 10 });
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return fc.constantFrom(1n, 2n, 10n);
    default:
      return fc.constantFrom(0, 1, 2, 10);
  }
}

function enumeration(desc: DescEnum): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...desc.values.map(({ number }) => number)) },
    { weight: 1, arbitrary: fc.constantFrom(99, -1, 2 ** 31 - 1) },
  );
}

/** One entry of a field. */
function entry(field: DescField, depth: number, mood: Mood): fc.Arbitrary<unknown> {
  const { message, enum: enumType, scalar: scalarType } = field;
  if (message !== undefined) return init(message, mood, depth + 1);
  if (enumType !== undefined) return enumeration(enumType);
  return scalar(scalarType ?? ScalarType.STRING, field, mood);
}

/** Mostly few items, sometimes far too many. */
function many<T>(items: fc.Arbitrary<T>, mood: Mood): fc.Arbitrary<T[]> {
  const few = fc.array(items, { minLength: mood === 'sensible' ? 1 : 0, maxLength: 3 });
  if (mood === 'sensible') return few;
  return fc.oneof(
    { weight: 5, arbitrary: few },
    {
      weight: 1,
      arbitrary: fc.tuple(items, fc.constantFrom(10, 250)).map(([item, n]) => Array(n).fill(item)),
    },
  );
}

function value(field: DescField, depth: number, mood: Mood): fc.Arbitrary<unknown> {
  const items = entry(field, depth, mood);
  if (field.fieldKind === 'list') return many(items, mood);
  return field.fieldKind === 'map' ? fc.dictionary(fc.constantFrom('a', 'b', '__proto__', ''), items) : items;
}

/** A message's content: each field present or absent, of a oneof one member or none. */
function init(desc: DescMessage, mood: Mood, depth = 0): fc.Arbitrary<object> {
  if (depth > MAX_DEPTH) return fc.constant({});
  const own: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of desc.members) {
    own[member.localName] =
      member.kind === 'oneof'
        ? fc.oneof(
            ...member.fields.map((field) =>
              value(field, depth, mood).map((content) => ({ case: field.localName, value: content })),
            ),
          )
        : value(member, depth, mood);
  }
  const some = fc.record(own, { requiredKeys: [] });
  if (mood === 'hostile') return some;
  return fc.oneof({ weight: 4, arbitrary: fc.record(own) }, { weight: 1, arbitrary: some });
}

/** Damages bytes once. */
type Damage = (bytes: Uint8Array) => Uint8Array;

/** Bytes with a meaning in protobuf or JSON. */
const snippets = [
  [0x1a, 0x00],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x0b],
  [0xfa, 0x3e, 0x04, 1, 2, 3, 4],
  [0x0a, 0x80],
  [0xc3, 0x28],
  ...['null', '{}', '[[[[[[[[', '"\\ud800"', '1e999', ',"a":1,"a":2', '\ufeff', '"', '}', '\\u0000'].map(
    (text) => [...Buffer.from(text)],
  ),
];

const damage: fc.Arbitrary<Damage> = fc
  .tuple(fc.nat(3), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255), fc.constantFrom(...snippets))
  .map(([kind, where, byte, snippet]) => (bytes) => {
    const at = Math.floor(where * bytes.length);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    if (kind === 0) return Buffer.concat([before, Uint8Array.of(byte), after.subarray(1)]);
    if (kind === 1) return before;
    if (kind === 2) return Buffer.concat([before, Uint8Array.from(snippet), after]);
    return Buffer.concat([before, after.subarray(1 + (byte % 8))]);
  });

/** Damages bytes sometimes: two in three stay unchanged. */
export const damages: fc.Arbitrary<Damage> = fc
  .oneof(
    { weight: 2, arbitrary: fc.constant<Damage[]>([]) },
    { weight: 1, arbitrary: fc.array(damage, { minLength: 1, maxLength: 4 }) },
  )
  .map((some) => (bytes) => some.reduce((done, one) => one(done), bytes));

/** Bytes for messages of one type. */
export function encodedMessages(desc: DescMessage): fc.Arbitrary<EncodedMessage> {
  return fc
    .tuple(
      fc.oneof(init(desc, 'sensible'), init(desc, 'hostile')),
      fc.constantFrom('proto' as const, 'json' as const),
      damages,
    )
    .map(([content, format, spoil]) => {
      const message = create(desc, content as MessageInitShape<DescMessage>);
      if (format === 'json') {
        try {
          return { format, bytes: spoil(Buffer.from(toJsonString(desc, message))) };
        } catch {
          // Content that JSON cannot express is sent as protobuf.
        }
      }
      return { format: 'proto', bytes: spoil(encode(desc, message)) };
    });
}

function encode(desc: DescMessage, message: ReturnType<typeof create>): Uint8Array {
  try {
    return toBinary(desc, message);
  } catch {
    // A lone surrogate: no encoder writes it, but its bytes may be sent nevertheless.
    return Uint8Array.of(0x0a, 0x03, 0xed, 0xa0, 0x80);
  }
}
