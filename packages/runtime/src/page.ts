/** A page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** The item after which the next page begins; undefined on the last page. */
  readonly last: Item | undefined;
}

/** Reads a page of up to `size` items. `read` is asked for one more, which shows whether there is a next page. */
export async function readPage<Item>(
  size: number,
  read: (limit: number) => Promise<readonly Item[]>,
): Promise<Page<Item>> {
  const found = await read(size + 1);
  const items = found.slice(0, size);
  return { items, last: found.length > size ? items.at(-1) : undefined };
}
