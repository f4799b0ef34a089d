import type { DescEnum } from '@bufbuild/protobuf';

/** Detects unknown enum names, which the decoder would drop as if the field were absent. */
export function enumProblem({ values }: DescEnum): (text: string) => string | undefined {
  const names = new Set(values.map(({ name }) => name));
  return (text) => (names.has(text) ? undefined : `must be one of ${[...names].join(', ')}`);
}

/** Detects nonexistent dates: the decoder reads February 30 as March 2, and hour 24 as the first of the next day. */
export function timeProblem(text: string): string | undefined {
  const [, year, month, day, hour] = /^(\d{4})-(\d{2})-(\d{2})T(\d{2})/.exec(text) ?? [];
  if (year === undefined) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const exists = date.getUTCMonth() + 1 === Number(month) && date.getUTCDate() === Number(day);
  return exists && Number(hour) < 24 ? undefined : 'is a date that does not exist';
}
