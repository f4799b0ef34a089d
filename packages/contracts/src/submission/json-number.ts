import type { JsonValue } from '@bufbuild/protobuf';

/** Longer than any number that an order can hold. */
const LONGEST = 100;
const syntax = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Reads a JSON number, or a JSON string with a number in JSON's notation: `2`, `"2"`, `2.0` and `"2e0"` are the same.
 * Returns undefined for everything else, such as `"0x10"`, `"+1"`, `" 1"` and `""`. A number that is too large is
 * infinite.
 */
export function jsonNumber(value: JsonValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.length > LONGEST || !syntax.test(value)) return undefined;
  return Number(value);
}
