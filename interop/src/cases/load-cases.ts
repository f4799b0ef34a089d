import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { z } from 'zod';
import { interop } from '../builds.ts';
import { type CallStep, type Case, caseFile } from './case-schema.ts';
import { tags } from './tags.ts';

/** What the files of `interop/cases` have. */
export interface Cases {
  readonly cases: readonly Case[];
  /** Calls that prepare the system for all of them. */
  readonly before: readonly CallStep[];
}

/** Reads every case of `interop/cases`. Throws with the file and the case when one is not what it should be. */
export function loadCases(): Cases {
  const folder = join(interop, 'cases');
  const files = globSync('*.yaml', { cwd: folder })
    .sort()
    .map((file) => readCases(readFileSync(join(folder, file), 'utf8'), file));
  const cases = files.flatMap((file) => file.cases);
  const names = cases.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new Error(`two cases have the name "${twice}"`);
  return { cases, before: files.flatMap(({ before }) => before) };
}

/** Reads the cases of one file with this text. */
export function readCases(text: string, file: string): Cases {
  const content: unknown = parse(text, { customTags: tags, merge: true });
  const { success, data, error } = caseFile.safeParse(content);
  if (success) {
    const { before, topic } = data;
    return { before, cases: data.cases.map((each) => ({ ...each, topic })) };
  }
  const nameAt = (index: unknown) =>
    (content as { cases?: readonly { name?: unknown }[] } | null)?.cases?.[Number(index)]?.name;
  const problems = error.issues.map(({ path: [first, index, ...rest], ...issue }) => {
    const where =
      first === 'cases' && index !== undefined ? `case "${nameAt(index)}", ${rest.join('.')}` : first;
    return `${file}: ${String(where)}: ${textOf(issue as z.core.$ZodIssue)}`;
  });
  throw new Error(problems.join('\n'));
}

/** Of a step, which is a call or an HTTP request, the problems of the form that it is meant to be. */
function textOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_union') return issue.message;
  const [call = [], http = []] = issue.errors;
  const isCall = call.every(({ path }) => path[0] !== 'call');
  return (isCall ? call : http).map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}
