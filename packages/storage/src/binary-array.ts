/** The type numbers of Postgres. */
const oids = { bytea: 17, int8: 20, int4: 23, text: 25 } as const;
const headerBytes = 20;

/**
 * Encodes byte strings as a parameter `$1::bytea[]`, in the binary format of Postgres. The driver would write it as
 * text: twice as long, and every value copied four times.
 */
export function byteaArray(values: readonly (Uint8Array | null)[]): Buffer {
  return binaryArray(oids.bytea, values, {
    size: (value) => value.length,
    write: (into, value, at) => into.set(value, at),
  });
}

/** Encodes texts as a parameter `$1::text[]`, in the binary format of Postgres: nothing has to be escaped. */
export function textArray(values: readonly (string | null)[]): Buffer {
  return binaryArray(oids.text, values, {
    size: (value) => Buffer.byteLength(value),
    write: (into, value, at) => into.write(value, at),
  });
}

/** Encodes numbers as a parameter `$1::int[]`, in the binary format of Postgres. */
export function intArray(values: readonly number[]): Buffer {
  return binaryArray(oids.int4, values, {
    size: () => 4,
    write: (into, value, at) => into.writeInt32BE(value, at),
  });
}

/** Encodes large numbers as a parameter `$1::bigint[]`, in the binary format of Postgres. */
export function bigintArray(values: readonly (bigint | null)[]): Buffer {
  return binaryArray(oids.int8, values, {
    size: () => 8,
    write: (into, value, at) => into.writeBigInt64BE(value, at),
  });
}

/** Number of dimensions, whether there are nulls, type; length and first index; then each value after its length. */
function binaryArray<T>(
  oid: number,
  values: readonly (T | null)[],
  { size, write }: { size: (value: T) => number; write: (into: Buffer, value: T, at: number) => unknown },
): Buffer {
  // Loops by index: an iterator makes an array of every element.
  const sizes: number[] = [];
  let bytes = headerBytes;
  let hasNulls = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as T | null;
    const length = value === null ? -1 : size(value);
    if (value === null) hasNulls = 1;
    else bytes += length;
    bytes += 4;
    sizes.push(length);
  }
  const array = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const number of [1, hasNulls, oid, values.length, 1]) at = array.writeInt32BE(number, at);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as T | null;
    const length = sizes[index] as number;
    at = array.writeInt32BE(length, at);
    if (value === null) continue;
    write(array, value, at);
    at += length;
  }
  return array;
}
