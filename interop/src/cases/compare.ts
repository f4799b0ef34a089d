import { isDeepStrictEqual } from 'node:util';
import { Expected } from './tags.ts';

/**
 * Compares a value with what is expected of it, and returns the differences as sentences. Of an object only the named
 * members are compared; a list has as many items as are named; a number is equal to its text, as 64-bit numbers in JSON
 * are.
 */
export function differences(actual: unknown, expected: unknown, path = ''): string[] {
  const at = path === '' ? 'it' : path;
  if (expected instanceof Expected) return differencesOfPattern(actual, expected, at);
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return [`${at} is no list: ${shown(actual)}`];
    if (actual.length !== expected.length) {
      return [`${at} has ${actual.length} items instead of ${expected.length}: ${shown(actual)}`];
    }
    return expected.flatMap((item, index) => differences(actual[index], item, `${path}[${index}]`));
  }
  if (typeof expected === 'object' && expected !== null) {
    if (typeof actual !== 'object' || actual === null) return [`${at} is no object: ${shown(actual)}`];
    const members = actual as Record<string, unknown>;
    return Object.entries(expected).flatMap(([name, value]) =>
      differences(members[name], value, path === '' ? name : `${path}.${name}`),
    );
  }
  const isEqual =
    typeof expected === 'number' ? String(actual) === String(expected) : isDeepStrictEqual(actual, expected);
  return isEqual ? [] : [`${at} is ${shown(actual)} instead of ${shown(expected)}`];
}

function differencesOfPattern(actual: unknown, { pattern }: Expected, at: string): string[] {
  switch (pattern.kind) {
    case 'any':
      return actual === undefined ? [`${at} is missing`] : [];
    case 'absent':
      return actual === undefined ? [] : [`${at} is there: ${shown(actual)}`];
    case 'matches':
      if (actual === undefined) return [`${at} is missing`];
      return new RegExp(pattern.text, 's').test(String(actual))
        ? []
        : [`${at} is ${shown(actual)} and does not match ${pattern.text}`];
    case 'length': {
      const length = (actual as { length?: number } | undefined)?.length;
      return length === pattern.length ? [] : [`${at} has ${length} items instead of ${pattern.length}`];
    }
    case 'including':
      if (!Array.isArray(actual)) return [`${at} is no list: ${shown(actual)}`];
      return pattern.items
        .filter((item) => actual.every((each) => differences(each, item).length > 0))
        .map((item) => `${at} has no ${shown(item)}: ${shown(actual)}`);
  }
}

const MAX_SHOWN = 600;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
