/** The names that Postgres can store: it refuses a whole query if one of them contains a NUL. */
export function storable(names: readonly string[]): string[] {
  return names.filter((name) => !name.includes('\0'));
}
