/** Which page is wanted. */
export interface PageRequest {
  /** The page begins after the item of this id; undefined: at the first item. */
  readonly afterId: string | undefined;
  readonly size: number;
}

export interface Page<T> {
  readonly items: T[];
  /** The id to go on after; undefined on the last page. */
  readonly lastId: string | undefined;
}

/** The page of `size` items; `items` has one more unless the list ends there, which is how the end is known. */
export function pageOf<T>(items: readonly T[], size: number, idOf: (item: T) => string): Page<T> {
  const page = items.slice(0, size);
  const last = page.at(-1);
  const isLastPage = items.length <= size || last === undefined;
  return { items: page, lastId: isLastPage ? undefined : idOf(last) };
}
