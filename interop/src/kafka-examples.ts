// Builds the programs of examples/kafka with the very lines of its README.
import { globSync, readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { installPython, reasonToSkipPython } from '@orderflow/e2e/python';
import { buildOf, contractSources, exportContracts, root, run, withTools } from './builds.ts';
import { needGo, reasonToSkipGo } from './go.ts';

const examples = 'examples/kafka';

/** A language of the examples that are built, with what a person copies of its folder. */
const sources = {
  Go: ['go/go.{mod,sum}', 'go/buf.gen.yaml', 'go/*/main.go'],
  Python: ['python/*.{py,txt}'],
  Java: ['java/pom.xml', 'java/src/**/*.java'],
  Node: ['node/package.json', 'node/buf.gen.yaml', 'node/send.ts'],
};

/** A language of `examples/kafka`. */
export type Language = keyof typeof sources;

/** The languages that run on this machine; prints why the others do not. */
export function exampleLanguages(): Language[] {
  const reasonsToSkip = {
    Go: reasonToSkipGo(),
    Python: reasonToSkipPython(),
    Java: undefined,
    Node: undefined,
  };
  for (const [language, reason] of Object.entries(reasonsToSkip)) {
    if (reason) console.warn(`${language} is skipped: ${reason}`);
  }
  return (Object.keys(reasonsToSkip) as Language[]).filter((each) => !reasonsToSkip[each]);
}

/** The programs of a language, ready to run in a shell. */
export interface Example {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** The line that sends orders; `first` in it is what their ids begin with. */
  readonly send: string;
  /** The line that reads events, if there is such a program. */
  readonly read: string | undefined;
}

/**
 * Builds the programs of a language once: later calls use the result of the first, unless their sources or the
 * contracts have changed. May run in several processes at once.
 * @throws Error with one sentence when Go or Python is missing, or with the output of the line that failed
 */
export async function buildExample(language: Language): Promise<Example> {
  const lines = linesOf(language);
  const send = lines.find((line) => line.includes(' first')) ?? '';
  const read = lines.find((line) => /\bread\b/.test(line));
  const name = language.toLowerCase();
  const env: Record<string, string> =
    language === 'Python'
      ? { PYTHONPATH: await installPython(join(root, examples, name, 'requirements.txt')) }
      : {};

  const copied = sources[language].map((glob) => `${examples}/${glob}`);
  const all = [...copied, `${examples}/README.md`, ...contractSources];
  const built = await buildOf(`example-${name}`, all, async (staging) => {
    if (language === 'Go') needGo();
    console.log(`Building the example in ${language}; this is done once.`);
    await exportContracts(join(staging, 'contracts'));
    for (const file of globSync(copied, { cwd: root })) {
      await cp(join(root, file), join(staging, file.slice(examples.length + 1)));
    }
    for (const line of lines.filter((each) => each !== send && each !== read && !each.startsWith('pip '))) {
      await run('sh', ['-ec', line], {
        cwd: join(staging, name),
        path: withTools(process.env['PATH']),
        env: { ...env, GOWORK: 'off' },
      });
    }
  });
  return { folder: join(built, name), env, send, read };
}

/** The lines of a language in the README. */
function linesOf(language: Language): string[] {
  const readme = readFileSync(join(root, examples, 'README.md'), 'utf8');
  const [, block] = new RegExp(`^## ${language}\\n.*?^\`\`\`sh\\n(.*?)^\`\`\``, 'ms').exec(readme) ?? [];
  if (block === undefined) throw new Error(`${examples}/README.md has no lines of ${language}`);
  return block.trim().split('\n');
}
