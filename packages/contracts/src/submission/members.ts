import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { DEFAULT_MAX_ITEMS } from '../shape/message-plan.ts';
import { jsonNumber } from './json-number.ts';

/** What is wrong with a member of JSON. */
export interface MemberProblem {
  /** Its path, as its sender named it: `items[0].price`; empty for the whole. */
  readonly field: string;
  readonly description: string;
  readonly rule: MemberRule;
}

/** The rule that a member breaks. */
export type MemberRule =
  /** It is of another type than described. */
  | 'json.type'
  /** It is given more than once, or by two of its names, or as one of which only one may be given. */
  | 'json.repeated_field'
  /** It differs from another member that says the same. */
  | 'json.contradiction'
  /** There is no such member. */
  | 'json.unknown_field'
  | 'repeated.max_items';

/** The names of a member, of which one may be used: `['order_id', 'orderId']`. */
export type Names = readonly [string, ...string[]];

/**
 * Reads the members of one JSON object. Whatever is wrong is added to `problems`, and read as if it were absent; null is
 * absent, too.
 */
export class Members {
  readonly json: JsonObject;
  readonly #path: string;
  readonly #problems: MemberProblem[];

  constructor(json: JsonObject, path: string, problems: MemberProblem[]) {
    this.json = json;
    this.#path = path;
    this.#problems = problems;
  }

  /** The path of a member. */
  at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  report(name: string, description: string, rule: MemberRule = 'json.type'): void {
    this.#problems.push({ field: this.at(name), description, rule });
  }

  /** The name that the sender used, also for null; undefined when there is none. */
  used(names: Names): string | undefined {
    let used: string | undefined;
    for (const name of names) {
      if (!Object.hasOwn(this.json, name)) continue;
      if (used !== undefined)
        this.report(name, `is given as ${used}, too: use one of them`, 'json.repeated_field');
      used ??= name;
    }
    return used;
  }

  /** Empty when it is absent. */
  text(names: Names): string {
    const [name, value] = this.#find(names);
    if (value === undefined) return '';
    if (typeof value !== 'string') this.report(name, 'must be a string');
    else if (this.#isText(name, value)) return value;
    return '';
  }

  /** An id, which may be a whole number; that becomes a decimal text. Empty when it is absent. */
  id(names: Names): string {
    const [name, value] = this.#find(names);
    if (value === undefined) return '';
    if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
    if (typeof value !== 'string') {
      const exact = typeof value === 'number' ? ', without a fraction and at most 9007199254740991' : '';
      this.report(name, `must be a string or a whole number${exact}`);
    } else if (this.#isText(name, value)) return value;
    return '';
  }

  /** A JSON number, or a string with one; see {@link jsonNumber}. */
  number(names: Names): number | undefined {
    const [name, value] = this.#find(names);
    if (value === undefined) return undefined;
    const number = jsonNumber(value);
    if (number === undefined) this.report(name, 'must be a number');
    return number;
  }

  boolean(names: Names): boolean {
    const [name, value] = this.#find(names);
    if (typeof value === 'boolean' || value === undefined) return value ?? false;
    this.report(name, 'must be true or false');
    return false;
  }

  object(names: Names): Members | undefined {
    const [name, value] = this.#find(names);
    return value === undefined ? undefined : this.#inside(name, value);
  }

  /** A list of objects, at most 1,000; longer ones are not read. What is no object is undefined. */
  list(name: string): (Members | undefined)[] {
    const value = this.json[name] ?? [];
    if (!Array.isArray(value)) this.report(name, 'must be an array');
    else if (value.length > DEFAULT_MAX_ITEMS) {
      this.report(name, `must contain no more than ${DEFAULT_MAX_ITEMS} item(s)`, 'repeated.max_items');
    } else return value.map((item, index) => this.#inside(`${name}[${index}]`, item));
    return [];
  }

  /** Reports every member with another name. `listed`: the names to use, for people. */
  refuseOthers(known: ReadonlySet<string>, listed: string): void {
    for (const name of Object.keys(this.json)) {
      if (!known.has(name)) this.report(name, `does not exist here: ${listed}`, 'json.unknown_field');
    }
  }

  #find(names: Names): [string, JsonValue | undefined] {
    const name = this.used(names);
    return name === undefined ? [names[0], undefined] : [name, this.json[name] ?? undefined];
  }

  #inside(name: string, value: JsonValue): Members | undefined {
    if (isObject(value)) return new Members(value, this.at(name), this.#problems);
    this.report(name, 'must be an object');
    return undefined;
  }

  #isText(name: string, value: string): boolean {
    // JSON can contain lone surrogates, which no store and no API accepts.
    if (value.isWellFormed()) return true;
    this.report(name, 'is not valid Unicode');
    return false;
  }
}

/** Whether it is a JSON object: neither a list, nor null, nor a single value. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
