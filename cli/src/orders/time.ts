/** Formats a time in UTC, to the millisecond. */
export function formatTime(date: Date): string {
  return date.toISOString().replace('T', ' ');
}
