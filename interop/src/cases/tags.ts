import type { CollectionTag, ScalarTag } from 'yaml';

/** `!repeat {times: 300, of: X}`: a list of so many X, or a text of so many copies. `${index}` in X counts from 1. */
export class Repeat {
  readonly times: number;
  readonly of: unknown;
  readonly isText: boolean;

  constructor({ times, of }: { times: number; of: unknown }, isText: boolean) {
    this.times = times;
    this.of = of;
    this.isText = isText;
  }
}

/** What an expectation says of a value, where it does not name the value. */
export type Pattern =
  | { readonly kind: 'any' | 'absent' }
  | { readonly kind: 'matches'; readonly text: string }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'including'; readonly items: readonly unknown[] };

/** A {@link Pattern} in a case. */
export class Expected {
  readonly pattern: Pattern;

  constructor(pattern: Pattern) {
    this.pattern = pattern;
  }
}

const scalar = (tag: string, toPattern: (value: string) => Pattern): ScalarTag => ({
  tag,
  resolve: (value) => new Expected(toPattern(value)),
});

const repeat = (tag: string, isText: boolean): CollectionTag => ({
  tag,
  collection: 'map',
  resolve: (node) => new Repeat(node.toJSON(), isText),
});

/** The tags of case files, for the parser. */
export const tags: (ScalarTag | CollectionTag)[] = [
  repeat('!repeat', false),
  repeat('!text', true),
  scalar('!any', () => ({ kind: 'any' })),
  scalar('!absent', () => ({ kind: 'absent' })),
  scalar('!matches', (text) => ({ kind: 'matches', text })),
  scalar('!length', (value) => ({ kind: 'length', length: Number(value) })),
  {
    tag: '!including',
    collection: 'seq',
    resolve: (node) => new Expected({ kind: 'including', items: node.toJSON() }),
  },
];
