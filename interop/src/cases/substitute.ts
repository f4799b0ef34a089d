import { Expected, Repeat } from './tags.ts';

/** Returns the value of a name in `${…}`. */
export type Lookup = (name: string) => string;

/** Returns a copy of a value of a case in which every `${name}` has its value, and `!repeat` and `!text` their copies. */
export function substitute(value: unknown, lookup: Lookup): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => lookup(name));
  }
  if (Array.isArray(value)) return value.map((item) => substitute(item, lookup));
  if (value instanceof Repeat) return repeated(value, lookup);
  if (value instanceof Expected) return new Expected(substituteMembers(value.pattern, lookup));
  return typeof value === 'object' && value !== null ? substituteMembers(value, lookup) : value;
}

function substituteMembers<T extends object>(value: T, lookup: Lookup): T {
  const entries = Object.entries(value).map(([name, member]) => [
    substitute(name, lookup),
    substitute(member, lookup),
  ]);
  return Object.fromEntries(entries);
}

function repeated({ times, of, isText }: Repeat, lookup: Lookup): unknown {
  const copies = Array.from({ length: times }, (_, at) =>
    substitute(of, (name) => (name === 'index' ? String(at + 1) : lookup(name))),
  );
  return isText ? copies.join('') : copies;
}
