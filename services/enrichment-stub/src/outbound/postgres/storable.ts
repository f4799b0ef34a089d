/** The names that Postgres can have stored: it refuses a whole query in which one has a NUL character. */
export function storable(names: readonly string[]): string[] {
  return names.filter((name) => !name.includes('\0'));
}
