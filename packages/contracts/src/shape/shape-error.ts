/** Bytes were rejected before decoding. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
  /**
   * The violated rule: a list, a map or a JSON text with too many elements. Undefined: the bytes are not the message.
   */
  readonly rule: TooMany | undefined;
  /** The problem, without the field. */
  readonly description: string;
  readonly #path: readonly (string | number)[];

  constructor(description: string, rule?: TooMany, path: readonly (string | number)[] = []) {
    super(path.length === 0 ? description : `${joined(path)}: ${description}`);
    this.description = description;
    this.rule = rule;
    this.#path = path;
  }

  /** The field, such as `lines` or `customer.tags`; empty for the whole message. */
  get field(): string {
    return joined(this.#path);
  }

  /** The same error as seen from the enclosing message. */
  in(...outer: (string | number)[]): ShapeError {
    return new ShapeError(this.description, this.rule, [...outer, ...this.#path]);
  }
}

export type TooMany = 'repeated.max_items' | 'map.max_pairs' | 'json.max_values';

/** The error with the text of protovalidate's rule. */
export function tooMany(rule: 'repeated.max_items' | 'map.max_pairs', limit: number): ShapeError {
  const description =
    rule === 'map.max_pairs'
      ? `map must be at most ${limit} entries`
      : `must contain no more than ${limit} item(s)`;
  return new ShapeError(description, rule);
}

function joined(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}
