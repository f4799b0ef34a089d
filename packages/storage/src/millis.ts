/** SQL for a time as milliseconds since 1970: the driver returns times as text. */
export function millis(time: string): string {
  return `round(extract(epoch from ${time}) * 1000)::float8`;
}
