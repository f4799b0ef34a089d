import type { DescEnum } from '@bufbuild/protobuf';

/** The names of an enum as REST has them: without the prefix that all of them share, `PENDING` for `STATE_PENDING`. */
interface EnumNames {
  readonly shortOf: ReadonlyMap<number, string>;
  /** Of both forms. */
  readonly longOf: ReadonlyMap<string, string>;
}

const known = new WeakMap<DescEnum, EnumNames>();

function namesOf(desc: DescEnum): EnumNames {
  let names = known.get(desc);
  if (names === undefined) {
    const prefixLength = desc.sharedPrefix?.length ?? 0;
    const shortOf = new Map(desc.values.map(({ number, name }) => [number, name.slice(prefixLength)]));
    const longOf = new Map(
      desc.values.flatMap(({ name }) => [
        [name.slice(prefixLength), name],
        [name, name],
      ]),
    );
    names = { shortOf, longOf };
    known.set(desc, names);
  }
  return names;
}

/** Returns the name of each value without the prefix. */
export function shortEnumNames(desc: DescEnum): ReadonlyMap<number, string> {
  return namesOf(desc).shortOf;
}

/** Returns the name of a value as the contract has it, from either form; undefined when there is no such value. */
export function longEnumName(desc: DescEnum, name: string): string | undefined {
  return namesOf(desc).longOf.get(name);
}

/** Lists the values of an enum that a caller can choose, for people. */
export function listEnumNames(desc: DescEnum): string {
  return [...namesOf(desc).shortOf.values()].join(', ');
}
