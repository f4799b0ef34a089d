/** Formats a time in UTC, to the second. */
export function formatTime(time: Date | undefined): string {
  return time === undefined ? '' : `${time.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
