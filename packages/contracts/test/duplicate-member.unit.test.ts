import { expect, test } from 'vitest';
import { duplicateMember } from '../src/submission/duplicate-member.ts';

test.each([
  ['{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}', undefined],
  [JSON.stringify({ a: 'a":', b: '{"a":1,"a":2}' }), undefined],
  ['{"__proto__":1,"constructor":2}', undefined],
  ['{"__proto__":1,"\\u005f_proto__":2}', '__proto__'],
  ['{"a\\"b":1,"x":2,"a\\u0022b":2}', 'a"b'],
  ['[[],{"":1 , "" \n:2}]', ''],
  ['"a"', undefined],
])('%s', (text, expected) => {
  expect(duplicateMember(text)).toBe(expected);
});

/** Some JSON, written with blanks and escapes as it may be, and whether one of its objects has a name twice. */
function someJson(below: (count: number) => number): { readonly text: string; readonly duplicate: boolean } {
  let duplicate = false;
  const blanks = () => ['', '', ' ', '\n\t'][below(4)];
  const string = (text: string) =>
    [...text]
      .map((char) =>
        below(4) === 0 || char < ' '
          ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
          : JSON.stringify(char).slice(1, -1),
      )
      .join('');
  const names = ['a', 'b', 'ab', '', '"', '\\', ':', '{', '"a":', 'ä', '__proto__', '\n', 'orderId'];
  const value = (depth: number): string => {
    switch (below(depth > 4 ? 3 : 6)) {
      case 0:
        return String(below(1_000) / 8);
      case 1:
        return ['true', 'false', 'null'][below(3)] ?? 'null';
      case 2:
        return `"${string(names[below(names.length)] ?? '')}"`;
      case 3:
        return `[${Array.from({ length: below(4) }, () => blanks() + value(depth + 1) + blanks()).join(',')}]`;
      default: {
        const seen = new Set<string>();
        const members = Array.from({ length: below(4) }, () => {
          const name = names[below(names.length)] ?? '';
          if (seen.has(name)) duplicate = true;
          seen.add(name);
          return `${blanks()}"${string(name)}"${blanks()}:${blanks()}${value(depth + 1)}`;
        });
        return `{${members.join(',')}${blanks()}}`;
      }
    }
  };
  const text = value(0);
  return { text, duplicate };
}

test('a name that is there twice is found in any JSON, and only then', () => {
  const seed = 20_261_128;
  let state = seed;
  const below = (count: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  const found = { yes: 0, no: 0 };
  for (let round = 0; round < 5_000; round++) {
    const { text, duplicate } = someJson(below);
    JSON.parse(text);
    expect(duplicateMember(text) !== undefined, `seed ${seed}: ${text}`).toBe(duplicate);
    found[duplicate ? 'yes' : 'no']++;
  }
  expect(found.yes).toBeGreaterThan(200);
  expect(found.no).toBeGreaterThan(200);
});

test('takes time by the length of the text: a megabyte of names, of quotes, of blanks, of depth', () => {
  const names = `{${Array.from({ length: 100_000 }, (_, n) => `"n${n}":0`).join(',')}}`;
  const texts = [
    names,
    `"${'\\"'.repeat(500_000)}"`,
    `{"a"${' '.repeat(1_000_000)}:1}`,
    `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`,
  ];
  for (const text of texts) expect(duplicateMember(text)).toBeUndefined();
});
