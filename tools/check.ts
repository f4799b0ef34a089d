// pnpm check: all static checks of the code and the documents, concurrently, in seconds.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleDeps, generate } from './proto.ts';
import { run } from './run.ts';

const generated = 'packages/contracts/src/gen';

/** Each check, and the advice when it fails. */
const checks: Record<string, { check: () => Promise<unknown>; advice: string }> = {
  types: {
    // A page has the types of browsers, and none of Node.
    check: () => Promise.all(['.', 'examples/web'].map((project) => run('tsc', ['-p', project]))),
    advice: 'fix the types',
  },
  'lint and format': {
    check: () => run('biome', ['check', '--error-on-warnings', '.']),
    advice: '`pnpm format` fixes what can be fixed automatically',
  },
  dependencies: {
    check: () => run('node', ['tools/dependencies.ts']),
    advice: 'the rules are in tools/dependencies.ts',
  },
  words: {
    check: () => run('node', ['tools/forbidden-words.ts']),
    advice: 'the words are those of docs/glossary.md',
  },
  duplicates: {
    check: () => run('node', ['tools/duplicates.ts']),
    advice: 'write it once, in a package; or argue for it in tools/duplicates.ts',
  },
  'buf lint': {
    check: () => run('buf', ['lint', 'proto']),
    advice: 'fix the protos',
  },
  'buf format': {
    check: () => run('buf', ['format', '--diff', '--exit-code', 'proto']),
    advice: 'run `pnpm exec buf format -w proto`',
  },
  'buf breaking': {
    check: () => run('buf', ['breaking', 'proto', '--against', 'proto/released.binpb']),
    advice: 'a change that breaks clients needs a new version; before a first release, `pnpm proto release`',
  },
  'generated code': {
    check: async () => {
      const fresh = mkdtempSync(join(tmpdir(), 'orderflow-generated-'));
      try {
        await generate(fresh);
        await run('diff', ['-r', generated, join(fresh, generated)]);
      } finally {
        rmSync(fresh, { recursive: true });
      }
    },
    advice: 'run `pnpm proto generate` and commit what changed',
  },
  '.env.example': {
    check: () => run('node', ['tools/env-example.ts', '--check']),
    advice: 'run `pnpm settings` and commit .env.example',
  },
  'docs/openapi.json': {
    check: () => run('node', ['tools/openapi.ts', '--check']),
    advice: 'run `pnpm describe` and commit docs/openapi.json',
  },
  'docs/asyncapi.json': {
    check: () => run('node', ['tools/asyncapi.ts', '--check']),
    advice: 'run `pnpm describe` and commit docs/asyncapi.json',
  },
  'docs/reference': {
    check: () => run('node', ['tools/reference.ts', '--check']),
    advice: 'run `pnpm describe` and commit docs/reference; the comments are those of proto/',
  },
  'docs/order-states.md': {
    check: () => run('node', ['tools/order-states.ts', '--check']),
    advice: 'run `pnpm states` and commit docs/order-states.md',
  },
  'templates of mails': {
    check: () => run('node', ['tools/mails.ts', '--check']),
    advice: 'run `pnpm mails` and commit services/notification/templates/compiled',
  },
};

await assembleDeps();
const results = await Promise.all(
  Object.entries(checks).map(async ([name, { check, advice }]) => {
    const start = performance.now();
    const problem = await check().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${problem === undefined ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
    return problem === undefined ? [] : [`── ${name}: ${advice}\n\n${problem.trimEnd()}\n`];
  }),
);
const problems = results.flat();
if (problems.length > 0) {
  console.error(`\n${problems.join('\n')}`);
  process.exit(1);
}
