/** One page of a list. */
export interface Page<T> {
  readonly items: T[];
  /** The last item, to go on after; undefined on the last page. */
  readonly last: T | undefined;
}

/** The page of `size` items; `items` has one more unless the list ends there, which is how the end is known. */
export function pageOf<T>(items: readonly T[], size: number): Page<T> {
  const page = items.slice(0, size);
  return { items: page, last: items.length > size ? page.at(-1) : undefined };
}
